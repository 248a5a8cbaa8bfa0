// Says why the audio of `#player` fails or is slow, and what to do. The player has the classes
// `player-failed`, `player-waiting` while audio is awaited, and `player-slow` if that takes long.
const SLOW = 5000; // milliseconds
const TIMEOUT = 10_000;

const bar = document.getElementById("player");
const audio = bar.querySelector("audio");
const place = bar.querySelector(".clip-error");
const retry = bar.querySelector(".player-retry");
const status = bar.querySelector(".player-status");
let timer;

// The header Retry-After has seconds or a date.
const adviceOf = (response) => {
  if (response.status === 404 || response.status === 410) return "Play another clip.";
  const after = response.headers.get("Retry-After");
  const seconds = Math.ceil(Number(after) || (Date.parse(after) - Date.now()) / 1000);
  if (seconds > 90) return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
  if (seconds > 1) return `Try again in ${seconds} seconds.`;
  return "Try again later, or play another clip.";
};

// A media error does not include the server's response, so two bytes are requested for it, which is
// no play.
const reasonOf = async () => {
  try {
    const response = await fetch(audio.src, {
      headers: { Range: "bytes=0-1" },
      cache: "no-store",
      signal: AbortSignal.timeout?.(TIMEOUT),
    });
    if (!response.ok) {
      const { code, detail } = await response.json().catch(() => ({}));
      let reason = detail || `The server responded with status ${response.status}.`;
      if (code === "rendition_pending") reason = "It is still being prepared.";
      return `${reason.replace(/ Try again.*/, "")} ${adviceOf(response)}`;
    }
    const type = response.headers.get("Content-Type");
    const format = `This browser can't play ${type}. The page of the clip may have other formats.`;
    if (!audio.canPlayType(type)) return format;
    if (audio.error.code === MediaError.MEDIA_ERR_NETWORK)
      return "The connection was lost. Try again to continue.";
    return "The audio is damaged, or this device has no sound output. Try again, or play another clip.";
  } catch {
    if (!navigator.onLine) return "You are offline. Connect to the internet, then try again.";
    return "The server can't be reached. Check your connection, then try again.";
  }
};

const explain = (text) => {
  if (!text && retry === document.activeElement) bar.querySelector(".player-play").focus();
  place.textContent = text;
  retry.hidden = !text;
  bar.classList.toggle("player-failed", Boolean(text));
};

const awaitAudio = (waiting) => {
  clearTimeout(timer);
  status.textContent = "";
  bar.classList.toggle("player-waiting", waiting);
  bar.classList.remove("player-slow");
  if (waiting) timer = setTimeout(sayThatItIsSlow, SLOW);
};

const sayThatItIsSlow = () => {
  bar.classList.add("player-slow");
  status.textContent = navigator.onLine
    ? "Still loading. The connection is slow: wait, or play another clip."
    : "You are offline. The clip continues when you are connected.";
};

audio.addEventListener("error", async () => {
  awaitAudio(false);
  const { error } = audio;
  const reason = await reasonOf();
  if (audio.error === error) explain(`This clip can't be played. ${reason}`); // and not another
});
audio.addEventListener("emptied", () => explain(""));
audio.addEventListener("waiting", () => awaitAudio(true));
for (const name of ["playing", "pause", "emptied"])
  audio.addEventListener(name, () => awaitAudio(false));
retry.addEventListener("click", () => bar.querySelector(".player-play").click());
