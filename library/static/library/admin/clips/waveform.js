// The waveform behind the range of the clip's player: the service's own, or while it has none, and of
// a source that is not saved, one of the audio that the browser has decoded. player.js draws it.
//
// The event `clip:audio` {src, file} loads another source; `file` is set if src is a chosen file.
// The event `clip:measured` {seconds} reports how long the audio is.

const BARS = 180;
const SAMPLE_RATE = 11025; // of the decoded audio: enough for a drawing, at a quarter of the memory
const MAX_SECONDS = 900; // decoding longer audio would take too much memory for a drawing

const root = document.getElementById("clip-player");
const audio = root.querySelector("audio");
const range = root.querySelector("input");
const wave = root.querySelector(".player-wave");
const note = root.querySelector(".player-note");
let loads = 0; // the number of the latest load: a slower, earlier one is dropped

function measure(seconds) {
  if (!Number.isFinite(seconds) || seconds <= 0) return;
  document.dispatchEvent(new CustomEvent("clip:measured", { detail: { seconds } }));
}

function draw(values) {
  wave.dispatchEvent(new CustomEvent("wave:draw", { detail: values, bubbles: true }));
}

// The lowest and the highest sample of each bar, in turn.
function peaks(sound) {
  const found = new Array(2 * BARS).fill(0);
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const samples = sound.getChannelData(channel);
    samples.forEach((sample, at) => {
      const bar = 2 * Math.floor((at * BARS) / samples.length);
      found[bar] = Math.min(found[bar], 32768 * sample);
      found[bar + 1] = Math.max(found[bar + 1], 32768 * sample);
    });
  }
  return found;
}

// The service's waveform of the saved source, or null.
async function stored(src) {
  if (src !== root.dataset.audio || !root.dataset.waveform) return null;
  try {
    const response = await fetch(root.dataset.waveform);
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

async function loadMetadata() {
  if (audio.readyState >= HTMLMediaElement.HAVE_METADATA || audio.error) return;
  await new Promise((done) => {
    for (const name of ["loadedmetadata", "error"])
      audio.addEventListener(name, done, { once: true });
  });
}

async function decode(src, file) {
  const bytes = await (file ?? (await fetch(src))).arrayBuffer();
  return new OfflineAudioContext(1, 1, SAMPLE_RATE).decodeAudioData(bytes);
}

async function load(src, file) {
  loads += 1;
  const mine = loads;
  const finish = (drawn, text) => {
    if (mine !== loads) return;
    root.dataset.drawn = drawn;
    note.textContent = text;
  };
  root.hidden = false;
  finish("", "Drawing the waveform…");
  draw(new Array(2 * BARS).fill(0));
  if (audio.getAttribute("src") !== src) audio.src = src;
  await loadMetadata();
  if (audio.error) return finish("no", "The audio can't be loaded.");
  const known = await stored(src);
  if (mine !== loads) return;
  if (known) {
    draw(known.data);
    measure(known.duration);
    return finish("yes", "");
  }
  if (audio.duration > MAX_SECONDS && audio.duration !== Infinity) {
    return finish("no", "This audio is too long for a waveform, but you can play it.");
  }
  try {
    const sound = await decode(src, file);
    if (mine !== loads) return;
    draw(peaks(sound));
    measure(sound.duration);
    if (!Number.isFinite(audio.duration)) {
      range.max = sound.duration;
      audio.dispatchEvent(new Event("durationchange")); // the player shows it
    }
    finish("yes", "");
  } catch {
    finish("no", "The waveform can't be drawn.");
  }
}

audio.addEventListener("loadedmetadata", () => measure(audio.duration));
document.addEventListener("clip:audio", (event) => load(event.detail.src, event.detail.file));

if (root.dataset.audio) {
  measure(audio.duration);
  load(root.dataset.audio);
}
