// Plays the clips of a page, one at a time, with the only audio element of `#player` (_player.html).
// player-errors.js says why audio fails or is slow; player-settings.js has volume and other settings;
// player-media-session.js serves media keys and lock screens.
//
// A clip is a `.clip` with data-clip (its id), data-src (its stream), data-page, data-title,
// data-creator, data-duration (seconds) and data-gain (dB, may be missing). Its `.clip-play` plays and
// pauses, and a click on its `.wave` plays from there. Elements may be added and replaced at any time
// without set-up; the event `page:changed` on the document then marks the current clip again.
//
// Clips have the classes `clip-current`, `clip-playing` and `clip-failed`, the player
// `player-playing`; --played on both is the part that has been played, in percent. When the player
// begins a clip, it takes the clip's data attributes and dispatches `clip:changed`.
//
// The player appears when a clip is played. With the attribute data-only, it is always visible and
// begins with the first clip of the page. Nothing is requested before it is played.
const MOVES = {
  ArrowLeft: (time) => time - 1,
  ArrowDown: (time) => time - 1,
  ArrowRight: (time) => time + 1,
  ArrowUp: (time) => time + 1,
  PageDown: (time, length) => time - length / 10,
  PageUp: (time, length) => time + length / 10,
  Home: () => 0,
  End: (_time, length) => length,
};
const AGAIN = 3; // seconds after which "previous" plays the same clip again

const root = document.documentElement;
const bar = document.getElementById("player");
const audio = bar.querySelector("audio");
const part = (name) => bar.querySelector(`.player-${name}`);
const slider = part("position");
const [time, whole] = part("time").children;

let queue = []; // the clips of the page where playing began
let at = 0; // the place of the current one
let dragged = false; // the slider, so that it is not where the audio is

const clips = () => [...document.querySelectorAll(".clip[data-src]")];
const isCurrent = (clip) => clip.dataset.clip === queue[at]?.clip;
const isPlaying = () => !audio.paused && !audio.error;
// Until it plays, and if its response has no length, the audio does not know how long it is.
const length = () =>
  (audio.duration < Infinity ? audio.duration : Number(bar.dataset.duration)) || 1;

const clock = (seconds) => {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
};

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

const showTime = () => {
  if (!queue.length) return;
  if (!dragged) {
    slider.max = length();
    slider.value = audio.currentTime;
  }
  setText(time, clock(slider.value));
  setText(whole, clock(length() + 0.5));
  slider.setAttribute("aria-valuetext", `${time.textContent} of ${whole.textContent}`);
  const played = `${(100 * slider.value) / slider.max}%`;
  for (const place of [bar, ...clips().filter(isCurrent)])
    place.style.setProperty("--played", played);
};

const mark = () => {
  const playing = isPlaying();
  for (const clip of clips()) {
    const current = isCurrent(clip);
    clip.classList.toggle("clip-current", current);
    clip.classList.toggle("clip-playing", current && playing);
    clip.classList.toggle("clip-failed", current && Boolean(audio.error));
    if (!current) clip.style.removeProperty("--played");
    const verb = current && playing ? "Pause" : "Play";
    clip.querySelector(".clip-play")?.setAttribute("aria-label", `${verb} ${clip.dataset.title}`);
  }
  bar.classList.toggle("player-playing", playing);
  part("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  part("next").setAttribute("aria-disabled", at + 1 >= queue.length);
  showTime();
};

const seek = (seconds) => {
  audio.currentTime = Math.min(Math.max(seconds, 0), length());
  showTime();
};

const play = () => {
  if (audio.error) {
    const before = audio.currentTime;
    audio.load();
    audio.currentTime = before;
  }
  audio.play().catch(mark); // the event `error` has the reason
};

const toggle = () => (isPlaying() ? audio.pause() : play());

// Begin the clip at this place of the queue.
const load = (place) => {
  at = place;
  const { wave, ...data } = queue[at];
  delete bar.dataset.gain;
  Object.assign(bar.dataset, data);
  part("title").href = data.page;
  part("title").title = data.title;
  part("title").textContent = data.title;
  part("creator").textContent = data.creator;
  if (wave) bar.querySelector(".wave").replaceWith(wave.cloneNode(true));
  bar.hidden = false;
  audio.src = data.src;
  bar.dispatchEvent(new Event("clip:changed"));
  mark();
};

const queuePage = (first) => {
  const found = clips();
  queue = found.map((clip) => ({ ...clip.dataset, wave: waveOf(clip) }));
  load(Math.max(0, found.indexOf(first)));
};

// A copy of the waveform without ids, as those are for the page.
const waveOf = (clip) => {
  const wave = clip.querySelector(".wave")?.cloneNode(true);
  const path = wave?.querySelector("path");
  if (path) {
    path.removeAttribute("id");
    const played = path.cloneNode();
    played.classList.add("wave-played");
    wave.querySelector("use")?.replaceWith(played);
  }
  return wave;
};

const move = (step) => {
  if (step < 0 && (audio.currentTime > AGAIN || at === 0)) seek(0);
  else if (queue[at + step]) load(at + step);
  else return;
  play();
};

document.addEventListener("click", ({ target, clientX }) => {
  const clip = target.closest(".clip[data-src]");
  const wave = target.closest(".clip .wave");
  if (!wave && !target.closest(".clip-play")) return;
  if (!wave && isCurrent(clip)) {
    toggle();
    return;
  }
  if (!isCurrent(clip)) queuePage(clip);
  if (wave) {
    const { left, width } = wave.getBoundingClientRect();
    seek(((clientX - left) / width) * length());
  }
  play();
});

part("play").addEventListener("click", toggle);
part("previous").addEventListener("click", () => move(-1));
part("next").addEventListener("click", () => move(1));

// While the slider is dragged, the audio plays on, so that not every place in between is requested.
slider.addEventListener("input", () => {
  dragged = true;
  showTime();
});
slider.addEventListener("change", () => {
  dragged = false;
  seek(Number(slider.value));
});

bar.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (target === slider && key in MOVES) seek(MOVES[key](audio.currentTime, length()));
  else if (key === " " && !target.matches("button")) toggle();
  else return;
  event.preventDefault();
});

for (const name of ["play", "playing", "pause", "error", "emptied"])
  audio.addEventListener(name, mark);
for (const name of ["timeupdate", "durationchange"]) audio.addEventListener(name, showTime);
audio.addEventListener("ended", () => {
  if (part("follow").getAttribute("aria-pressed") === "true") move(1);
});
document.addEventListener("page:changed", mark);

// The page ends below the player, and moves what has the focus out from under it.
new ResizeObserver(() => {
  root.style.setProperty("--player-height", `${bar.offsetHeight}px`);
}).observe(bar);

root.classList.add("scripted");
if ("only" in bar.dataset) queuePage();
