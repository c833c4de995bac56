// The tab that says where bytes are stored that nobody sees, and which stand there more than once.

/** `ask(question)` promises an answer, `onGo(entry)` and `onGoCopy(entry)` lead to a file that is hidden, or a copy. */
class Waste {
    constructor({ ask, platform, onGo, onGoCopy, onSelect, onError }) {
        this.largest = { hidden: 1, copies: 1 };
        const shared = { rowHeight: 44, isFlat: true, onSearch: () => {}, onEscape: () => {}, onError };
        const source = (what) => ({ offset, limit }) => ask({ ask: what, platform: platform(), offset, limit });
        this.hidden = new Tree({
            ...shared,
            label: "Hidden files, largest first",
            empty: () => "Nothing is hidden: every stored byte is seen in the final file system.",
            source: source("waste"),
            draw: (node) => this.row(node.entry),
            describe: wasteWords,
            onSelect,
            onEnter: onGo,
            onLoad: (answer) => this.told(answer),
        });
        this.copies = new Tree({
            ...shared,
            label: "Equal files of the final file system, largest first",
            empty: () => "No content stands more than once in the final file system.",
            source: source("copies"),
            draw: (node) => this.copyRow(node.entry),
            describe: copyWords,
            onSelect: (entry) => onSelect({ ...entry, hidden_bytes: entry.size_bytes }),
            onEnter: onGoCopy,
            onLoad: ({ entries }) => (this.largest.copies = Math.max(1, entries[0]?.copied_bytes ?? 0)),
        });
        this.lists = { hidden: this.hidden, copies: this.copies };
        this.buttons = Object.keys(this.lists).map((name) =>
            element("button", { type: "button", "data-list": name, onclick: () => this.choose(name) }),
        );
        const sum = element("div", { class: "sum", role: "group", "aria-label": "Kind of waste" }, this.buttons);
        this.node = element("div", { class: "waste", role: "tabpanel" }, sum, this.hidden.frame, this.copies.frame);
        this.choose("hidden");
    }

    choose(name) {
        this.chosen = name;
        for (const [one, list] of Object.entries(this.lists)) list.frame.hidden = one !== name;
        for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.list === name));
        if (name === "copies" && !this.hasCopies) this.loadCopies();
        this.draw();
    }

    async reload() {
        this.hasCopies = false;
        await this.hidden.reload();
        if (this.chosen === "copies") await this.loadCopies();
    }

    loadCopies() {
        this.hasCopies = true;
        return this.copies.reload();
    }

    draw() {
        this.lists[this.chosen].draw();
    }

    told({ hidden_bytes: hidden, duplicate_bytes: duplicates, total, entries }) {
        this.largest.hidden = Math.max(1, entries[0]?.hidden_bytes ?? 0);
        const bold = (bytes) => element("b", { title: exactBytes(bytes), text: humanSize(bytes) });
        this.buttons[0].replaceChildren(bold(hidden), ` hidden in ${counted(total, "file")}`);
        this.buttons[1].replaceChildren(bold(duplicates), " in copies of equal files");
    }

    row(entry) {
        return this.twoLines(entry, barOf(0, entry.hidden_bytes ?? 0, this.largest.hidden), entry.hidden_bytes, [
            happened(`stored in ${entry.stored_in}`, entry.stored_by),
            element("span", { class: "arrow", "aria-hidden": "true", text: "→" }),
            happened(hiddenBy(entry, ""), entry.hidden_by),
        ]);
    }

    copyRow(entry) {
        const left = entry.copies - 1 - entry.others.length;
        const others = [...entry.others.map((path) => `/${path}`), left > 0 ? `and ${left.toLocaleString("en")} more` : ""];
        const told = `${entry.copies.toLocaleString("en")} × ${humanSize(entry.size_bytes)}`;
        const also = others.filter(Boolean).join("  ");
        return this.twoLines(entry, barOf(entry.copied_bytes, 0, this.largest.copies), entry.copied_bytes, [
            element("span", { title: `sha256 ${entry.sha256}`, text: told }),
            element("span", { class: "arrow", "aria-hidden": "true", text: "=" }),
            element("bdi", { title: others.filter(Boolean).join("\n"), text: cut(also, 400) }),
        ], "why equal");
    }

    twoLines(entry, bar, bytes, below, kind = "why") {
        const shown = entry.shown ?? entry.path;
        return [
            element("span", { class: "name", title: cut(shown) }, element("bdi", { text: cut(shown, 300) })),
            bar,
            sizeOf(bytes),
            element("span", { class: kind }, below),
        ];
    }

    dispose() {
        this.hidden.dispose();
        this.copies.dispose();
    }
}

/** What a layer did, and its instruction, for which there may be no room. */
function happened(what, instruction) {
    const by = `: ${instruction || "no instruction"}`;
    return element("span", { title: cut(what + by) }, what, element("span", { class: "by", text: cut(by, 200) }));
}

/** Why a file is not seen, and since which layer; nothing says so of a file that its own layer hides. */
function hiddenBy({ reason, hidden_in: layer }, word) {
    const why = reason ?? "hidden";
    return Number.isInteger(layer) ? `${why} in ${word}${layer}` : why;
}

function wasteWords(entry) {
    const where = `stored in layer ${entry.stored_in}, ${hiddenBy(entry, "layer ")}`;
    return `${cut(entry.shown ?? entry.path, 300)}, ${humanSize(entry.hidden_bytes)}, ${where}`;
}

function copyWords(entry) {
    const copies = `${entry.copies} equal files of ${humanSize(entry.size_bytes)}`;
    return `${cut(entry.shown ?? entry.path, 300)}, ${copies}, ${humanSize(entry.copied_bytes)} in copies`;
}
