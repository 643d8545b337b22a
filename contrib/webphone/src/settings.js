// What is remembered between visits, and what the page was served with.

const KEY = "viaduct-webphone";

function remembered() {
    try {
        return JSON.parse(localStorage.getItem(KEY)) || {};
    } catch {
        return {}; // storage is off, or holds something else
    }
}

async function served() {
    try {
        return await (await fetch("config.json")).json();
    } catch {
        return {}; // the page does without
    }
}

const slot = (account, server) => `${account} ${server}`;

// {account, server, password, iceServers}: from the address of the page
// (?account=...&server=...), else from the last visit, else from config.json.
// A password goes with one account at one server: a link to this page that names
// another server does not take it there.
export async function load() {
    const config = await served();
    const query = new URLSearchParams(location.search);
    const last = remembered();
    const account = query.get("account") ?? last.account ?? config.account ?? "";
    const server = query.get("server") ?? last.server ?? config.server ?? "";
    return {
        account, server,
        password: last.passwords?.[slot(account, server)],
        iceServers: config.iceServers ?? [],
    };
}

function write(changes) {
    try {
        localStorage.setItem(KEY, JSON.stringify({ ...remembered(), ...changes }));
    } catch {
        // storage is off: nothing is remembered
    }
}

export function save(account, server) {
    write({ account, server });
}

// One that was accepted; without one, what was kept earlier is forgotten.
export function savePassword(account, server, password) {
    const passwords = { ...remembered().passwords };
    delete passwords[slot(account, server)];
    if (password)
        passwords[slot(account, server)] = password;
    write({ passwords });
}
