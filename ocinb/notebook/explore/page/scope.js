// The buttons that leave only some kinds of change.

const KIND_WORDS = {
    added: "added",
    modified: "modified",
    deleted: "deleted",
    hidden: "hidden in the end",
};
const NOT_HERE = { deleted: "The final file system has nothing that was deleted: ⊘ shows what is hidden." };
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** Buttons that leave only some kinds of change; none of them pressed leaves all. `onChange()` as above. */
class KindFilter {
    constructor({ onChange }) {
        this.onChange = onChange;
        this.pressed = new Set();
        this.absent = [];
        this.counts = null;
        this.buttons = Object.keys(KIND_WORDS).map((kind) =>
            element("button", { type: "button", class: "kind", "data-kind": kind, onclick: () => this.toggle(kind) }),
        );
        this.node = element("div", { class: "kinds", role: "group", "aria-label": "Show only what is" }, this.buttons);
        this.draw();
    }

    /** The kinds that are meant, of those that there are in this view; all if there is none. */
    get kinds() {
        return [...this.pressed].filter((kind) => !this.absent.includes(kind));
    }

    /** Say what is looked at, which some kinds cannot be in. */
    show(layer) {
        this.absent = layer === null ? ["deleted"] : [];
        this.draw();
    }

    count(counts) {
        this.counts = counts;
        this.draw();
    }

    clear() {
        const isOther = this.kinds.length > 0;
        this.pressed.clear();
        this.draw();
        return isOther;
    }

    toggle(kind) {
        if (!this.pressed.delete(kind)) this.pressed.add(kind);
        this.draw();
        this.onChange();
    }

    draw() {
        for (const button of this.buttons) {
            const { kind } = button.dataset;
            const isAbsent = this.absent.includes(kind);
            const count = isAbsent ? null : this.counts?.[kind];
            const isPressed = this.pressed.has(kind) && !isAbsent;
            const exact = Number.isInteger(count) ? ` (${count.toLocaleString("en")})` : "";
            button.disabled = isAbsent || (count === 0 && !isPressed);
            button.title = isAbsent ? NOT_HERE[kind] : `Show only what is ${KIND_WORDS[kind]}${exact}`;
            button.setAttribute("aria-pressed", String(isPressed));
            button.setAttribute("aria-label", `${KIND_WORDS[kind]}${exact}`);
            button.replaceChildren(markOf(kind), element("span", { class: "count", text: exact ? COMPACT.format(count) : "" }));
        }
    }
}
