// Tones, made here: a ring for who is called, the far ring for who calls.

const context = new AudioContext();
let playing;

// A browser lets a page sound after its user has touched it.
export const isSilent = () => context.state !== "running";

export function allowSound() {
    if (isSilent())
        context.resume();
}

// `changed` runs when that is so; what should have sounded begins.
export function onAllowed(changed) {
    context.addEventListener("statechange", () => {
        playing?.once();
        changed();
    });
}

function note(at, frequency, seconds, loudness) {
    const tone = context.createOscillator();
    const level = context.createGain();
    tone.frequency.value = frequency;
    level.gain.setValueAtTime(0, at);
    level.gain.linearRampToValueAtTime(loudness, at + 0.015);
    level.gain.exponentialRampToValueAtTime(0.0001, at + seconds);
    tone.connect(level).connect(context.destination);
    tone.start(at);
    tone.stop(at + seconds);
}

const patterns = {
    ring: { everyMs: 2600, play(at) {
        [659, 784, 988, 784].forEach((f, i) => note(at + i * 0.17, f, 0.9, 0.16));
    } },
    ringback: { everyMs: 4000, play(at) {
        note(at, 425, 1.1, 0.05);
    } },
};

// "ring", "ringback" or undefined for silence.
export function play(name) {
    if (name === playing?.name)
        return;
    clearInterval(playing?.timer);
    playing = undefined;
    if (!name)
        return;
    const { everyMs, play: start } = patterns[name];
    const once = () => isSilent() || start(context.currentTime);
    once();
    playing = { name, once, timer: setInterval(once, everyMs) };
}
