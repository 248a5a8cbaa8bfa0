// Plays one clip at a time, and drives the controls of each `.player`: an audio element, a range,
// and unless the audio element has controls of its own, a button, the time, and a place for errors.
// Media events do not bubble, so they are caught in the capture phase.
//
// A `.player-wave` behind the range shows the waveform at its `data-waveform`, or the one of the event
// `wave:draw`, whose detail are a minimum and a maximum for each bar, in turn.
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

const playerOf = (node) => (node instanceof Element ? node.closest(".player") : null);
const audioOf = (player) => player.querySelector("audio");
const rangeOf = (player) => player.querySelector("input");

const clock = (seconds) => {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

const show = (player) => {
  const audio = audioOf(player);
  const range = rangeOf(player);
  const button = player.querySelector("button");
  if (Number.isFinite(audio.duration)) range.max = audio.duration;
  range.value = audio.currentTime;
  const time = clock(audio.currentTime);
  const length = clock(range.max);
  range.setAttribute("aria-valuetext", `${time} of ${length}`);
  player.style.setProperty("--played", `${(100 * range.value) / (range.max || 1)}%`);
  if (!button) return; // the browser shows the rest
  const verb = audio.paused ? "Play" : "Pause";
  player.querySelector(".player-time").textContent = player.dataset.showLength
    ? `${time} / ${length}`
    : time;
  button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^\w+/, verb));
  button.firstElementChild.textContent = audio.paused ? "play_arrow" : "pause";
  player.classList.toggle("player-waiting", !audio.paused && audio.readyState < 3);
  player.classList.toggle("player-failed", Boolean(audio.error));
  if (!audio.error) player.querySelector("[role=alert]").hidden = true;
};

// A media error does not include the server's response, so two bytes are requested for it.
const reasonOf = async (audio) => {
  if (audio.src.startsWith("blob:")) return "This browser can't play this file.";
  try {
    const response = await fetch(audio.src, { headers: { Range: "bytes=0-1" } });
    const type = response.headers.get("Content-Type") || "";
    if (response.ok && type.startsWith("text/html")) return "You are logged out. Reload this page.";
    if (response.ok) return `This browser can't play ${type}.`;
    if (type.startsWith("text/plain")) return await response.text();
    return `The server responded with status ${response.status}. Try again later.`;
  } catch {
    return "The server can't be reached. Check your connection.";
  }
};

const toggle = (player) => {
  const audio = audioOf(player);
  if (!audio.paused) {
    audio.pause();
    return;
  }
  if (audio.error) audio.load();
  audio.play().catch(() => show(player)); // the error event gives the reason
};

const seek = (player, seconds) => {
  audioOf(player).currentTime = Math.min(Math.max(seconds, 0), Number(rangeOf(player).max));
  show(player);
};

const explainError = async (player) => {
  const audio = audioOf(player);
  const place = player.querySelector("[role=alert]");
  if (!place) return;
  place.textContent = await reasonOf(audio);
  place.hidden = !audio.error; // another source may be loading by now
};

const pauseOthers = (event) => {
  for (const audio of document.querySelectorAll("audio")) {
    if (audio !== event.target) audio.pause();
  }
};
document.addEventListener("play", pauseOthers, true);

const EVENTS = ["play", "playing", "pause", "waiting", "timeupdate", "durationchange", "error"];
for (const name of EVENTS) {
  document.addEventListener(
    name,
    (event) => {
      const player = playerOf(event.target);
      if (!player || event.target.tagName !== "AUDIO") return;
      show(player);
      if (name === "error") explainError(player);
    },
    true,
  );
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".player button");
  if (button) toggle(playerOf(button));
});

// Moving the range is no edit: the list and the form would warn of unsaved changes.
for (const name of ["input", "change"]) {
  document.addEventListener(
    name,
    (event) => {
      const player = playerOf(event.target);
      if (!player) return;
      event.stopPropagation();
      seek(player, Number(event.target.value));
    },
    true,
  );
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (!target.matches?.(".player input") || event.altKey || event.ctrlKey || event.metaKey) return;
  const player = playerOf(target);
  if (key in MOVES) seek(player, MOVES[key](audioOf(player).currentTime, Number(target.max)));
  else if (key === " " || key === "Enter") toggle(player);
  else return;
  event.preventDefault();
});

// The events of audio that has loaded already are missed.
for (const player of document.querySelectorAll(".player")) {
  show(player);
  if (audioOf(player).error) explainError(player);
}

// Waveforms

const HEIGHT = 100; // of the drawing

const draw = (wave, values) => {
  const count = values.length / 2;
  const loudest = Math.max(1, ...values.map(Math.abs));
  const place = (value) => HEIGHT / 2 - (0.48 * HEIGHT * value) / loudest;
  const bars = Array.from({ length: count }, (_, at) => {
    const [low, high] = [place(values[2 * at]), place(values[2 * at + 1])];
    return `M${at + 0.5} ${Math.min(high, HEIGHT / 2 - 1)}V${Math.max(low, HEIGHT / 2 + 1)}`;
  });
  for (const svg of wave.querySelectorAll("svg")) {
    svg.setAttribute("viewBox", `0 0 ${count} ${HEIGHT}`);
    svg.firstElementChild.setAttribute("d", bars.join(""));
  }
};

const load = async (wave) => {
  try {
    const response = await fetch(wave.dataset.waveform);
    if (!response.ok) throw new Error(response.status);
    draw(wave, (await response.json()).data);
    wave.dataset.drawn = "yes";
  } catch {
    wave.dataset.drawn = "no"; // it keeps its place, so that the page does not move
  }
};

document.addEventListener("wave:draw", (event) => draw(event.target, event.detail));

const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      load(target);
    }
  },
  { rootMargin: "400px" },
);
for (const wave of document.querySelectorAll(".player-wave[data-waveform]")) seen.observe(wave);
