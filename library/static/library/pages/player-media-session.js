// Media keys, headphones and lock screens control `#player`, and show the clip. Other tabs pause.
const STEP = 10; // seconds, unless the browser says how far to seek

const bar = document.getElementById("player");
const audio = bar.querySelector("audio");
const click = (name) => bar.querySelector(`.player-${name}`).click();

const pauseOtherTabs = () => {
  try {
    const tabs = new BroadcastChannel("clips-player");
    tabs.onmessage = () => audio.pause();
    audio.addEventListener("play", () => tabs.postMessage("play"));
  } catch {} // some browsers allow none where they allow no storage
};

const session = navigator.mediaSession;

const showClip = () => {
  const { title, creator, src } = bar.dataset;
  // The waveform of `clips/1/stream` is `clips/1/waveform.png`.
  const artwork = bar.querySelector(".wave path")
    ? { src: new URL("waveform.png", new URL(src, location)).href, type: "image/png" }
    : { src: document.querySelector("link[rel=icon]").href, type: "image/svg+xml" };
  session.metadata = new MediaMetadata({ title, artist: creator, artwork: [artwork] });
};

const showState = () => {
  session.playbackState = audio.paused || audio.error ? "paused" : "playing";
  const { duration, currentTime: position } = audio;
  if (duration < Infinity)
    session.setPositionState?.({ duration, position: Math.min(position, duration) });
};

const seekBy = (seconds) => {
  audio.currentTime = Math.max(0, audio.currentTime + seconds);
};

const ACTIONS = {
  play: () => (audio.paused || audio.error) && click("play"),
  pause: () => audio.pause(),
  stop: () => {
    audio.pause();
    audio.currentTime = 0;
  },
  previoustrack: () => click("previous"),
  nexttrack: () => click("next"),
  seekto: ({ seekTime }) => {
    audio.currentTime = seekTime;
  },
  seekbackward: ({ seekOffset }) => seekBy(-(seekOffset || STEP)),
  seekforward: ({ seekOffset }) => seekBy(seekOffset || STEP),
};

const setUp = () => {
  for (const [action, handler] of Object.entries(ACTIONS)) {
    try {
      session.setActionHandler(action, handler);
    } catch {} // this browser does not have the action
  }
  bar.addEventListener("clip:changed", showClip);
  for (const name of ["play", "playing", "pause", "seeked", "durationchange", "error"])
    audio.addEventListener(name, showState);
};

pauseOtherTabs();
if (session) setUp();
