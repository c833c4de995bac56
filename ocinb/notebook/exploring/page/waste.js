// The tab that says where bytes are stored that nobody sees.

/** `ask(question)` promises an answer, `onGo(entry)` leads to the file in the layer that stores it. */
class Waste {
    constructor({ ask, platform, onGo, onSelect, onError }) {
        this.sum = element("p", { class: "sum", role: "status" });
        this.largest = 1;
        this.tree = new Tree({
            label: "Hidden files, largest first",
            rowHeight: 44,
            isFlat: true,
            empty: "Nothing is hidden: every stored byte is seen in the final file system.",
            source: ({ offset, limit }) => ask({ ask: "waste", platform: platform(), offset, limit }),
            draw: (node) => this.row(node.entry),
            describe: wasteWords,
            onSelect,
            onEnter: onGo,
            onSearch: () => {},
            onEscape: () => {},
            onError,
            onLoad: (answer) => this.told(answer),
        });
        this.node = element("div", { class: "waste", role: "tabpanel" }, this.sum, this.tree.frame);
    }

    told({ hidden_bytes: hidden, duplicate_bytes: duplicates, total, entries }) {
        this.largest = Math.max(1, entries[0]?.hidden_bytes ?? 0);
        this.sum.replaceChildren(
            element("b", { title: exactBytes(hidden), text: humanSize(hidden) }),
            ` hidden in ${counted(total, "file")}; `,
            element("b", { title: exactBytes(duplicates), text: humanSize(duplicates) }),
            " of equal files stand more than once in the final file system",
        );
    }

    row(entry) {
        const stored = `stored in ${entry.stored_in}: ${entry.stored_by || "no instruction"}`;
        const hidden = `${entry.reason} in ${entry.hidden_in}: ${entry.hidden_by || "no instruction"}`;
        const shown = entry.shown ?? entry.path;
        return [
            element("span", { class: "name", title: cut(shown) }, element("bdi", { text: cut(shown, 300) })),
            barOf(0, entry.hidden_bytes ?? 0, this.largest),
            sizeOf(entry.hidden_bytes),
            element(
                "span",
                { class: "why" },
                element("span", { title: cut(stored), text: cut(stored, 200) }),
                element("span", { class: "arrow", "aria-hidden": "true", text: "→" }),
                element("span", { title: cut(hidden), text: cut(hidden, 200) }),
            ),
        ];
    }
}

function wasteWords(entry) {
    const where = `stored in layer ${entry.stored_in}, ${entry.reason} in layer ${entry.hidden_in}`;
    return `${cut(entry.shown ?? entry.path, 300)}, ${humanSize(entry.hidden_bytes)}, ${where}`;
}
