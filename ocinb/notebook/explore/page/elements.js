// Small pieces of the page. What a stranger wrote becomes text (textContent), never markup.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const MOST_CHARACTERS = 2000; // of one text: more is no name, but somebody who tries out what breaks
const MOST_LABEL = 53; // of what a platform is called
const MARKS = { added: "A", modified: "M", deleted: "D", hidden: "⊘" };
const KINDS = {
    file: "file",
    directory: "folder",
    symlink: "symbolic link",
    hardlink: "hard link",
    character: "character device",
    block: "block device",
    fifo: "named pipe",
    whiteout: "whiteout",
    opaque: "opaque marker",
};
const KIND_LETTERS = { directory: "d", symlink: "l", character: "c", block: "b", fifo: "p" };
let elementCount = 0;

/** Make an element: `on…` are listeners, `text` is its text, null and false are left out. */
function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) continue;
        if (name === "text") made.textContent = cut(value);
        else if (name === "class") made.className = value;
        else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
        else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return made;
}

/** A name for an element that no other one on this page has, also not one of another explorer. */
function uniqueId(word) {
    elementCount += 1;
    return `ocinb-${word}-${elementCount}-${Math.random().toString(36).slice(2, 8)}`;
}

function cut(text, limit = MOST_CHARACTERS) {
    const whole = String(text);
    return whole.length > limit ? `${whole.slice(0, limit)}…` : whole;
}

/** What a platform is called, without its middle if it is long: numbers at the end may tell two apart. */
function shortLabel(label) {
    const letters = [...String(label)];
    const tail = Math.floor(MOST_LABEL / 2) - 1;
    if (letters.length <= MOST_LABEL) return letters.join("");
    return `${letters.slice(0, MOST_LABEL - tail - 1).join("")}…${letters.slice(-tail).join("")}`;
}

/** Bytes in decimal units, as registries print them. */
function humanSize(bytes) {
    if (bytes === null || bytes === undefined) return "?";
    let [value, unit] = [bytes, 0];
    while (value >= 999.95 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
    return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${UNITS[unit]}`;
}

function exactBytes(bytes) {
    if (bytes === null || bytes === undefined) return "not known";
    return counted(bytes, "byte");
}

function counted(count, noun) {
    return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** A size as people read it; the exact bytes are in its title. */
function sizeOf(bytes, attributes = {}) {
    return element("span", { class: "size", title: exactBytes(bytes), text: humanSize(bytes), ...attributes });
}

function share(part, whole) {
    return whole > 0 ? Math.min(100, (100 * part) / whole) : 0;
}

/** Permission bits as `ls -l` shows them, setuid, setgid and sticky included. */
function humanMode(mode, type) {
    if (mode === null || mode === undefined) return "";
    let letters = "";
    for (const [shift, special, mark] of [[6, 0o4000, "s"], [3, 0o2000, "s"], [0, 0o1000, "t"]]) {
        const bits = (mode >> shift) & 7;
        letters += bits & 4 ? "r" : "-";
        letters += bits & 2 ? "w" : "-";
        if (mode & special) letters += bits & 1 ? mark : mark.toUpperCase();
        else letters += bits & 1 ? "x" : "-";
    }
    return (KIND_LETTERS[type] ?? "-") + letters;
}

function humanTime(time) {
    if (!time) return "";
    return String(time).replace("T", " ").replace(/(\.\d+)?(\+00:00|Z)$/, " UTC");
}

/** A button that puts a text on the clipboard, and says that it did. */
function copyButton(text, noun) {
    const button = element("button", {
        type: "button",
        class: "copy",
        title: `Copy ${noun}`,
        "aria-label": `Copy ${noun}`,
        onclick: async (event) => {
            event.stopPropagation();
            button.replaceChildren((await copied(text)) ? "✓" : "✗");
            setTimeout(() => button.replaceChildren(copyIcon()), 1200);
        },
    });
    button.append(copyIcon());
    return button;
}

/** Two sheets of paper: no font has to have them. */
function copyIcon() {
    return element("span", { class: "sheets", "aria-hidden": "true" });
}

async function copied(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        return copiedByHand(text); // a page that was not served by https has no clipboard
    }
}

function copiedByHand(text) {
    const field = element("textarea", { style: "position: fixed; opacity: 0" });
    const focused = document.activeElement;
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    focused?.focus();
    return done;
}

/** A digest that is short, shows in full on hover, and is copied whole. */
function digestOf(digest, noun = "digest") {
    if (!digest) return null;
    const short = digest.replace(/^[a-z0-9]+:/, "").slice(0, 12);
    return element("span", { class: "digest" }, element("code", { title: cut(digest), text: short }), copyButton(digest, noun));
}

/** The letter of a change; its colour says the same again. */
function markOf(change, title = change) {
    const letter = MARKS[change] ?? "";
    return element("span", { class: `mark ${letter ? change : "same"}`, title: title || null, text: letter });
}

/** A bar whose hidden part has a pattern of its own. */
function barOf(visible, hidden, whole) {
    return element(
        "span",
        { class: "bar", "aria-hidden": "true" },
        element("span", { class: "seen", style: `width: ${share(visible, whole)}%` }),
        element("span", { class: "hidden-bytes", style: `width: ${share(hidden, whole)}%` }),
    );
}

function errorBox(error) {
    return element(
        "div",
        { class: "failure", role: "alert" },
        element("b", { text: error.message }),
        error.hint ? element("div", { text: error.hint }) : null,
    );
}

/** Call a function once its callers have been quiet for a while. */
function debounced(action, milliseconds) {
    let timer = null;
    const later = (...values) => {
        clearTimeout(timer);
        timer = setTimeout(() => action(...values), milliseconds);
    };
    later.cancel = () => clearTimeout(timer);
    return later;
}
