// What of the files is meant: what a layer changes or all that stood there after it, and kinds of change alone.

const KIND_WORDS = {
    added: "added",
    modified: "modified",
    deleted: "deleted",
    hidden: "hidden in the end",
};
const NOT_HERE = {
    deleted: "The final file system has nothing that was deleted: ⊘ shows what is hidden.",
    hidden: "What was hidden later still stood there after this layer.",
};
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A switch of two: what a layer changes, or the file system after it. `onChange()` is called when it was turned. */
class ViewSwitch {
    constructor({ onChange }) {
        this.onChange = onChange;
        this.isWhole = false;
        this.choices = [this.choice(false, "Changes"), this.choice(true, "File system")];
        this.node = element(
            "div",
            { class: "view-switch", role: "radiogroup", "aria-label": "Of the layer", onkeydown: (event) => this.pressed(event) },
            this.choices,
        );
        this.mark();
    }

    choice(isWhole, text) {
        return element("button", { type: "button", role: "radio", text, onclick: () => this.turn(isWhole) });
    }

    /** Say which layer it is about; the final file system has nothing to choose. */
    show(layer) {
        this.node.hidden = layer === null;
        this.choices[0].title = `What layer ${layer} changes`;
        this.choices[1].title = `All files as they stood after layer ${layer}, with its changes marked`;
    }

    set(isWhole) {
        const isOther = isWhole !== this.isWhole;
        this.isWhole = isWhole;
        this.mark();
        return isOther;
    }

    turn(isWhole) {
        if (this.set(isWhole)) this.onChange();
    }

    mark() {
        this.choices.forEach((button, place) => {
            const isChosen = Boolean(place) === this.isWhole;
            button.setAttribute("aria-checked", String(isChosen));
            button.tabIndex = isChosen ? 0 : -1;
        });
    }

    pressed(event) {
        const turns = { ArrowLeft: false, ArrowUp: false, Home: false, ArrowRight: true, ArrowDown: true, End: true };
        if (!(event.key in turns) || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        this.turn(turns[event.key]);
        this.choices[Number(this.isWhole)].focus();
    }
}

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
    show({ layer, isWhole }) {
        this.absent = layer === null ? ["deleted"] : isWhole ? ["hidden"] : [];
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
