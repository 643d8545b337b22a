// Tones, made here: a ring for who is called, the far ring for who calls.

let context;
let playing;

// A browser lets a page sound after its user has touched it.
export function allowSound() {
    context ||= new AudioContext();
    if (context.state === "suspended")
        context.resume();
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
    if (!name || !context)
        return;
    const { everyMs, play: once } = patterns[name];
    once(context.currentTime);
    playing = { name, timer: setInterval(() => once(context.currentTime), everyMs) };
}
