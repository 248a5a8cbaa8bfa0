// The waveform behind the range of the clip's player, drawn from audio that the browser has
// decoded, so that no server decodes any.
//
// The event `clip:audio` {src, file} loads another source; `file` is set if src is a chosen file.
// The event `clip:measured` {seconds} reports how long the audio is.

const BARS = 180;
const SAMPLE_RATE = 11025; // of the decoded audio: enough for a drawing, at a quarter of the memory
const MAX_SECONDS = 900; // decoding longer audio would take too much memory for a drawing

const root = document.getElementById("clip-player");
const audio = root.querySelector("audio");
const range = root.querySelector("input");
const drawings = root.querySelectorAll("path");
const note = root.querySelector(".player-note");
let loads = 0; // the number of the latest load: a slower, earlier one is dropped

function measure(seconds) {
  if (!Number.isFinite(seconds) || seconds <= 0) return;
  document.dispatchEvent(new CustomEvent("clip:measured", { detail: { seconds } }));
}

function draw(heights) {
  const bars = heights.map((height, at) => `M${at + 0.5} ${50 - height}V${50 + height}`);
  for (const path of drawings) path.setAttribute("d", bars.join(""));
}

// The highest sample of each bar, scaled so that the loudest bar fills the height.
function peaks(sound) {
  const found = new Array(BARS).fill(0);
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const samples = sound.getChannelData(channel);
    samples.forEach((sample, at) => {
      const bar = Math.floor((at * BARS) / samples.length);
      found[bar] = Math.max(found[bar], Math.abs(sample));
    });
  }
  const loudest = Math.max(...found) || 1;
  return found.map((peak) => Math.max(1, (48 * peak) / loudest));
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
  draw(new Array(BARS).fill(1));
  if (audio.getAttribute("src") !== src) audio.src = src;
  await loadMetadata();
  if (audio.error) return finish("no", "The audio can't be loaded.");
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
