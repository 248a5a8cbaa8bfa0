"use strict";

// The small players of the list of clips. Each wraps an audio element that loads nothing before it
// is played; its events do not bubble, so they are caught on their way down.
{
  const STEPS = 20; // key presses from one end of a clip to the other
  const LEAST = 1; // seconds of a key press

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
    const verb = audio.paused ? "Play" : "Pause";
    const time = clock(audio.currentTime);
    if (Number.isFinite(audio.duration)) range.max = audio.duration;
    range.value = audio.currentTime;
    range.style.setProperty("--played", `${(100 * range.value) / (range.max || 1)}%`);
    range.setAttribute("aria-valuetext", `${time} of ${clock(range.max)}`);
    player.querySelector(".player-time").textContent = time;
    button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^\w+/, verb));
    button.firstElementChild.textContent = audio.paused ? "play_arrow" : "pause";
    player.classList.toggle("player-waits", !audio.paused && audio.readyState < 3);
  };

  const tell = (player, text) => {
    const told = player.querySelector("[role=alert]");
    told.textContent = text;
    told.hidden = !text;
  };

  // A browser does not tell what the server said, so it is asked once more, for two bytes.
  const explain = async (player) => {
    let text;
    try {
      const answer = await fetch(audioOf(player).src, { headers: { Range: "bytes=0-1" } });
      const type = answer.headers.get("Content-Type") || "";
      if (answer.ok && type.startsWith("text/html")) {
        text = "You are logged out: load this page anew.";
      } else if (answer.ok) {
        text = `This browser does not play ${type}.`;
      } else if (type.startsWith("text/plain")) {
        text = await answer.text();
      } else {
        text = `The server answers ${answer.status}: it has no audio for you.`;
      }
    } catch {
      text = "The server cannot be reached. Are you online?";
    }
    tell(player, text);
  };

  const toggle = (player) => {
    const audio = audioOf(player);
    if (!audio.paused) {
      audio.pause();
      return;
    }
    tell(player, "");
    if (audio.error) audio.load();
    audio.play().catch(() => show(player)); // why, the error event tells
  };

  const seek = (player, seconds) => {
    const end = Number(rangeOf(player).max);
    audioOf(player).currentTime = Math.min(Math.max(seconds, 0), end);
    show(player);
  };

  const onAudio = {
    play: (player, audio) => {
      for (const other of document.querySelectorAll("audio")) {
        if (other !== audio) other.pause();
      }
    },
    ended: (player, audio) => {
      audio.currentTime = 0;
    },
    error: (player) => explain(player),
  };
  const told = ["play", "playing", "pause", "waiting", "timeupdate", "durationchange", "ended", "error"];
  for (const name of told) {
    document.addEventListener(
      name,
      (event) => {
        const player = playerOf(event.target);
        if (!player || event.target.tagName !== "AUDIO") return;
        onAudio[name]?.(player, event.target);
        show(player);
      },
      true,
    );
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".player button");
    if (button) toggle(playerOf(button));
  });
  document.addEventListener("input", (event) => {
    const player = playerOf(event.target);
    if (player) seek(player, Number(event.target.value));
  });
  document.addEventListener("keydown", (event) => {
    const player = event.target.matches?.(".player input") ? playerOf(event.target) : null;
    const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!player || !way) return;
    event.preventDefault();
    const step = Math.max(LEAST, Number(event.target.max) / STEPS);
    seek(player, Number(event.target.value) + way * step);
  });
  // The list takes any change in a row but a tick for an unsaved edit of the clip.
  document.addEventListener(
    "change",
    (event) => {
      if (playerOf(event.target)) event.stopPropagation();
    },
    true,
  );
}
