// The clip's audio: heard, seen as a waveform, and sought in by pointer or keys.
//
// The waveform is drawn from the audio that the browser has decoded, so no server decodes anything.
// Another source to be heard before it is saved comes by the event `clip:audio`, {src}, a file with
// {file} too; how long the audio is goes out by `clip:measured`, {seconds}.

const BARS = 180;
const SAMPLE_RATE = 11025; // of the decoded audio: enough to see, and a quarter of the memory
const LONGEST = 900; // seconds; longer audio would take more memory than a picture is worth
const SVG = "http://www.w3.org/2000/svg";

const root = document.getElementById("clip-player");
const audio = root.querySelector("audio");
const controls = root.querySelector(".clip-play");
const button = root.querySelector("button");
const wave = root.querySelector(".clip-wave");
const time = root.querySelector(".clip-time");
const note = root.querySelector(".clip-player-note");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let length = 0; // seconds
let loads = 0; // so that a picture which comes late is not drawn over the next audio's

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function measure(seconds) {
  if (!Number.isFinite(seconds) || seconds <= 0) return;
  length = seconds;
  wave.setAttribute("aria-valuemax", Math.round(seconds));
  show();
  document.dispatchEvent(new CustomEvent("clip:measured", { detail: { seconds } }));
}

function show() {
  const now = audio.currentTime;
  wave.style.setProperty("--played", length ? `${(100 * now) / length}%` : "0%");
  wave.setAttribute("aria-valuenow", Math.round(now));
  wave.setAttribute("aria-valuetext", `${clock(now)} of ${clock(length)}`);
  time.textContent = `${clock(now)} / ${clock(length)}`;
}

function follow() {
  show();
  if (!audio.paused && !calm.matches) requestAnimationFrame(follow);
}

function seek(seconds) {
  audio.currentTime = Math.min(Math.max(seconds, 0), length);
  show();
}

function toggle() {
  if (audio.paused) audio.play().catch(() => {}); // the event `error` tells
  else audio.pause();
}

function picture(heights) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${BARS} 100`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  const bars = heights.map((height, at) => `M${at + 0.5} ${50 - height}V${50 + height}`);
  path.setAttribute("d", bars.join(""));
  drawing.append(path);
  return drawing;
}

function draw(heights) {
  const played = picture(heights);
  played.classList.add("clip-wave-played");
  wave.replaceChildren(picture(heights), played);
}

// The highest sample of each bar, the loudest bar filling the height.
function peaks(decoded) {
  const found = new Array(BARS).fill(0);
  for (let channel = 0; channel < decoded.numberOfChannels; channel += 1) {
    const samples = decoded.getChannelData(channel);
    samples.forEach((sample, at) => {
      const bar = Math.floor((at * BARS) / samples.length);
      found[bar] = Math.max(found[bar], Math.abs(sample));
    });
  }
  const loudest = Math.max(...found) || 1;
  return found.map((peak) => Math.max(1, (48 * peak) / loudest));
}

async function fetched(src) {
  const answer = await fetch(src);
  if (!answer.ok) {
    throw Object.assign(new Error(`The audio cannot be had. ${await answer.text()}`), { lost: true });
  }
  return answer.arrayBuffer();
}

async function decoded(bytes) {
  try {
    return await new OfflineAudioContext(1, 1, SAMPLE_RATE).decodeAudioData(bytes);
  } catch {
    throw new Error("This browser cannot draw this audio. It may be able to play it.");
  }
}

async function load(src, file) {
  loads += 1;
  const mine = loads;
  root.hidden = controls.hidden = false;
  root.dataset.drawn = "";
  note.classList.remove("clip-lost");
  note.textContent = "Drawing the waveform…";
  draw(new Array(BARS).fill(1));
  if (audio.getAttribute("src") !== src) audio.src = src;
  try {
    if (audio.readyState < HTMLMediaElement.HAVE_METADATA && !audio.error) {
      await new Promise((done) => {
        for (const name of ["loadedmetadata", "error"]) audio.addEventListener(name, done, { once: true });
      });
    }
    if (audio.duration > LONGEST && audio.duration !== Infinity) {
      throw new Error("This audio is too long to be drawn. It can be played and sought in all the same.");
    }
    const sound = await decoded(await (file ? file.arrayBuffer() : fetched(src)));
    if (mine !== loads) return;
    draw(peaks(sound));
    measure(sound.duration);
    note.textContent = "";
    root.dataset.drawn = "yes";
  } catch (error) {
    if (mine !== loads) return;
    const unreachable = error instanceof TypeError; // fetch's word for it
    note.textContent = unreachable ? "The audio cannot be had: the service does not answer." : error.message;
    root.dataset.drawn = "no";
    controls.hidden = Boolean(error.lost);
    note.classList.toggle("clip-lost", unreachable || controls.hidden);
  }
}

const STEPS = {
  ArrowRight: () => audio.currentTime + 1,
  ArrowUp: () => audio.currentTime + 1,
  ArrowLeft: () => audio.currentTime - 1,
  ArrowDown: () => audio.currentTime - 1,
  PageUp: () => audio.currentTime + length / 10,
  PageDown: () => audio.currentTime - length / 10,
  Home: () => 0,
  End: () => length,
};

wave.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key in STEPS) seek(STEPS[event.key]());
  else if (event.key === " ") toggle();
  else return;
  event.preventDefault();
});

function seekTo(event) {
  const box = wave.getBoundingClientRect();
  seek(((event.clientX - box.left) / box.width) * length);
}

wave.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  wave.setPointerCapture(event.pointerId);
  seekTo(event);
});
wave.addEventListener("pointermove", (event) => {
  if (wave.hasPointerCapture(event.pointerId)) seekTo(event);
});

button.addEventListener("click", toggle);
audio.addEventListener("loadedmetadata", () => measure(audio.duration));
audio.addEventListener("timeupdate", show);
audio.addEventListener("seeked", show);
for (const name of ["play", "pause", "ended"]) {
  audio.addEventListener(name, () => {
    button.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
    button.firstElementChild.textContent = audio.paused ? "play_arrow" : "pause";
    follow();
  });
}
document.addEventListener("clip:audio", (event) => load(event.detail.src, event.detail.file));

audio.controls = controls.hidden = false;
if (root.dataset.audio) {
  if (audio.readyState >= HTMLMediaElement.HAVE_METADATA) measure(audio.duration);
  load(root.dataset.audio);
}
