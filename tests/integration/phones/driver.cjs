// A browser for the tests, which are in Python: reads a command a line from
// standard input and writes an answer a line, both JSON. Ends with its input.
//
//   node driver.cjs BROWSER FLAG...

const readline = require("node:readline");
const { chromium } = require("playwright-core");

const contexts = new Map();
const pages = new Map();
let last = 0;

// Before any script of a page: its peer connections, to count packets in, how many
// tones it has made, how many connections, what it sent, and how many of its pings
// were answered.
function remember() {
    window.sockets = 0;
    window.sent = []; // methods, and SIP/2.0 of responses
    window.lost = []; // of these, what does not arrive
    window.pongs = 0;
    const Socket = window.WebSocket;
    window.WebSocket = class extends Socket {
        constructor(...args) {
            super(...args);
            window.sockets++;
            this.addEventListener("message", (e) => {
                window.pongs += e.data === "\r\n";
            });
        }
        send(data) {
            const method = data.split(" ")[0];
            window.sent.push(method);
            if (!window.lost.includes(method))
                super.send(data);
        }
    };
    const start = OscillatorNode.prototype.start;
    window.tones = 0;
    OscillatorNode.prototype.start = function (...when) {
        window.tones++;
        return start.apply(this, when);
    };
    const Real = window.RTCPeerConnection;
    window.connections = [];
    window.RTCPeerConnection = class extends Real {
        constructor(...args) {
            super(...args);
            window.connections.push(this);
        }
    };
}

function keep(map, thing) {
    map.set(++last, thing);
    return last;
}

// Each gets the command, whose other fields are its arguments.
const commands = {
    async context(browser, { options }) {
        const context = await browser.newContext(options);
        await context.addInitScript(remember);
        return keep(contexts, context);
    },
    async page(browser, { context, url }) {
        const page = await contexts.get(context).newPage();
        page.on("console", (m) => console.error(m.type(), m.text()));
        page.on("pageerror", (e) => console.error("page error", e.stack));
        page.on("dialog", (d) => d.accept().catch(() => {}));
        await page.goto(url);
        return keep(pages, page);
    },
    eval: (browser, { page, code }) => pages.get(page).evaluate(code),
    // Not waitForFunction(): the web phone's policy lets no text become a program.
    async wait(browser, { page, code, ms }) {
        const deadline = Date.now() + ms;
        let value;
        while (!(value = await pages.get(page).evaluate(code))) {
            if (Date.now() > deadline)
                throw new Error(`still not ${code}`);
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return value;
    },
    focus: (browser, { page, at }) => pages.get(page).focus(at),
    click: (browser, { page, at }) => pages.get(page).click(at),
    fill: (browser, { page, at, text }) => pages.get(page).fill(at, text),
    press: (browser, { page, key }) => pages.get(page).keyboard.press(key),
    type: (browser, { page, text }) => pages.get(page).keyboard.type(text),
    back: (browser, { page }) => pages.get(page).goBack().then(() => null),
    go: (browser, { page, url }) => pages.get(page).goto(url).then(() => null),
    // Time that passes at once: timers that fall due run, each once.
    clock: (browser, { context }) => contexts.get(context).clock.install(),
    forward: (browser, { page, ms }) => pages.get(page).clock.fastForward(ms),
    reload: (browser, { page }) => pages.get(page).reload().then(() => null),
    close_context: (browser, { context }) => contexts.get(context).close(),
};

async function main() {
    const [executablePath, ...args] = process.argv.slice(2);
    const browser = await chromium.launch({ executablePath, args,
        ignoreDefaultArgs: ["--mute-audio"] });
    const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
    const lines = readline.createInterface({ input: process.stdin });
    say({ ready: true });
    lines.on("line", async (line) => {
        const command = JSON.parse(line);
        try {
            const value = await commands[command.do](browser, command);
            say({ id: command.id, value });
        } catch (error) {
            say({ id: command.id, error: error.message });
        }
    });
    lines.on("close", () => browser.close());
}

main();
