// How long to wait before the next try: 1 s, then twice as long each time up to
// half a minute, and up to a fifth more, so that the phones of a server that
// comes back do not all arrive at once.

const FIRST_MS = 1000;
const LONGEST_MS = 30000;

export class Backoff {
    tries = 0;
    timer = undefined;

    // Runs `again` later; returns when, as Date.now() tells it.
    wait(again, atLeastMs = 0) {
        const ms = Math.max(
            Math.min(FIRST_MS * 2 ** this.tries, LONGEST_MS), atLeastMs);
        const delay = ms * (1 + Math.random() / 5);
        this.tries++;
        clearTimeout(this.timer);
        this.timer = setTimeout(again, delay);
        return Date.now() + delay;
    }

    reset() {
        clearTimeout(this.timer);
        this.tries = 0;
    }
}
