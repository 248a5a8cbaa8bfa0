// Reports what is heard of clips on a page, by any audio element, to the service that streams them.
// See docs/listens.md. `python -m harness.compact_script` makes listens.js, the same in 1,024 bytes.
// A page may contain it twice.
self.clipsListen ||= (() => {
  // Of each audio that is playing: its clip's URL, the last known position, the time when it was
  // known, and the time of the last report. All times are in milliseconds.
  const playing = new Map();
  let queue = Promise.resolve(); // so that reports arrive in order
  let born = 0; // when the session began
  let session;
  let jumped = 0; // when the last jump was
  let calm = 0; // when reports go on after several jumps: a listener moves the slider

  const report = (position, state = "playing") => {
    if (Date.now() - born > 7e7) {
      born = Date.now();
      // It ends with a UUID, also on pages without HTTPS, which have no crypto.randomUUID().
      session = URL.createObjectURL(new Blob()).slice(-36);
    }
    return JSON.stringify({ session, position, state });
  };

  const send = (clip, reached, kind) => {
    queue = queue
      .then(() =>
        fetch(`${clip}/listens`, {
          method: "POST",
          keepalive: true,
          body: report(reached, kind),
          signal: AbortSignal.timeout?.(9e3), // the next report waits
        }),
      )
      .catch(() => {});
  };

  // A page that is hidden may never be shown again.
  const leave = () => {
    for (const [audio, [clip]] of playing)
      navigator.sendBeacon(`${clip}/listens`, report(audio.currentTime));
  };

  // `source` is the URL of the clip's stream, if the audio plays another URL.
  const listen = (target, source) => {
    const hear = (event) => {
      const audio = event.target;
      const now = Date.now();
      const at = audio.currentTime;
      let [before, from, seen, sent = 0] = playing.get(audio) || [];
      // Positions in a preview are not those in the clip.
      const clip = /.+clips\/\d+(?=\/stream(?!.*part=p))/.exec(source || audio.currentSrc);
      // Of `seeking` or `emptied`.
      const jumps = audio.seeking || /k|em/.test(event.type);
      if (jumps || audio.paused) {
        // After a jump, `at` is the new position. The last known one is up to 250 ms old.
        if (before)
          send(
            before,
            jumps ? from + Math.min(0.25, (now - seen) / 1e3) : at,
            audio.ended ? "ended" : "paused",
          );
        if (jumps) {
          calm = now - jumped < 500 ? now + 300 : 0;
          jumped = now;
        }
        playing.delete(audio);
      } else if (clip && now > calm && audio.duration) {
        // It has no duration while it changes to another source, but still the one before.
        if (now - sent > 1e4) {
          send(clip, at);
          sent = now;
        }
        playing.set(audio, [clip, at, now, sent]);
      }
    };
    // A seek ends with timeupdate, and the end of the audio is a pause.
    for (const name of ["playing", "timeupdate", "pause", "seeking", "emptied"])
      target.addEventListener(name, hear, true);
  };

  for (const name of ["visibilitychange", "pagehide"]) addEventListener(name, leave);
  listen(document);
  return listen;
})();
