// The settings of `#player`: volume, muting, equal loudness and autoplay, which the browser remembers.
//
// Equal loudness plays every clip as loud as one of -18 LUFS. data-gain is the change in dB that this
// takes, so the effective volume is volume × 10^(gain / 20). An audio element cannot amplify: it is at
// most 1, and clips that would need more stay quieter.
const KEY = "clips-player";

const bar = document.getElementById("player");
const audio = bar.querySelector("audio");
const part = (name) => bar.querySelector(`.player-${name}`);
const volume = part("volume");

// Browsers may allow no storage, for example in private windows and in frames of other sites.
const recall = () => {
  try {
    return JSON.parse(localStorage.getItem(KEY)) || {};
  } catch {
    return {};
  }
};

const remember = () => {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {}
};

const settings = { volume: 1, mute: false, equal: false, follow: true, ...recall() };

const apply = () => {
  const gain = settings.equal ? Number(bar.dataset.gain || 0) : 0;
  audio.volume = Math.min(1, settings.volume * 10 ** (gain / 20));
  audio.muted = settings.mute;
  volume.value = settings.volume;
  volume.setAttribute("aria-valuetext", `${Math.round(100 * settings.volume)} %`);
  for (const name of ["mute", "equal", "follow"])
    part(name).setAttribute("aria-pressed", settings[name]);
};

const change = (changes) => {
  Object.assign(settings, changes);
  apply();
  remember();
};

for (const name of ["mute", "equal", "follow"])
  part(name).addEventListener("click", () => change({ [name]: !settings[name] }));
volume.addEventListener("input", () => change({ volume: Number(volume.value), mute: false }));
bar.addEventListener("clip:changed", apply);

// On narrow screens, a button shows the settings.
part("more").addEventListener("click", () => {
  const open = bar.classList.toggle("player-open");
  part("more").setAttribute("aria-expanded", open);
});

apply();
