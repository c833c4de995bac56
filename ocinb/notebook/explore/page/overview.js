// The head of the page: which image this is, what it weighs, and its layers as bars.

/** Name, digest, platform picker and the figures of the whole image. */
class Overview {
    constructor({ reference, familiar, platforms, onPlatform }) {
        this.digest = element("span", { class: "of-manifest" });
        this.figures = element("div", { class: "figures" });
        this.picker = element(
            "select",
            { "aria-label": "Platform", onchange: () => onPlatform(this.picker.value) },
            platforms.map((platform) => element("option", { value: platform, text: shortLabel(platform) })),
        );
        this.node = element(
            "header",
            {},
            element(
                "div",
                { class: "title" },
                element("b", { class: "reference", title: cut(reference), text: familiar || reference }),
                element("label", { class: "platform" }, this.picker),
                this.digest,
            ),
            this.figures,
        );
    }

    show(image) {
        this.picker.value = image.platform;
        const digest = digestOf(image.manifest_digest, "manifest digest");
        this.digest.replaceChildren(...(digest ? ["manifest ", digest] : []));
        const { stored_bytes: stored, visible_bytes: visible, hidden_bytes: hidden } = image;
        const known = stored !== null && stored !== undefined;
        this.figures.replaceChildren(
            figure("compressed", humanSize(image.compressed_bytes), exactBytes(image.compressed_bytes)),
            figure("stored in layers", humanSize(stored), exactBytes(stored)),
            figure("visible", humanSize(visible), exactBytes(visible), "seen"),
            figure("hidden", humanSize(hidden), exactBytes(hidden), "hidden-bytes"),
            figure("efficiency", percent(image.efficiency), "visible bytes / stored bytes"),
            known ? barOf(visible, hidden, stored) : "",
        );
    }
}

function percent(part) {
    return part === null || part === undefined ? "?" : `${(Math.floor(part * 1000) / 10).toFixed(1)} %`;
}

function figure(word, value, title, key = "") {
    const swatch = key ? element("span", { class: `swatch ${key}`, "aria-hidden": "true" }) : null;
    return element(
        "span",
        { class: "figure", title: `${word}: ${title}` },
        element("span", { class: "word" }, swatch, word),
        element("b", { text: value }),
    );
}

/** The layers as a bar chart, one of which is chosen; the first choice is the final file system. `onChoose(layer)`. */
class Layers {
    constructor({ onChoose }) {
        this.onChoose = onChoose;
        this.id = uniqueId("layers");
        this.chosen = 0;
        this.list = element("div", {
            class: "layer-list",
            role: "listbox",
            tabindex: "0",
            "aria-label": "Layers",
            onkeydown: (event) => this.pressed(event),
            onclick: (event) => this.clicked(event),
            onscroll: () => this.hint(),
        });
        this.head = element("h4", { text: "Layers" });
        const more = (word, by) =>
            element("button", {
                type: "button",
                class: `more ${word}`,
                tabindex: "-1", // the list scrolls by its keys
                "aria-hidden": "true",
                onclick: () => this.list.scrollBy({ top: by * this.list.clientHeight * 0.8 }),
            });
        [this.above, this.below] = [more("above", -1), more("below", 1)];
        this.node = element("section", { class: "layers", "aria-label": "Layers" }, this.head, this.above, this.list, this.below);
        this.resizing = new ResizeObserver(() => this.hint());
        this.resizing.observe(this.list);
        this.hint();
    }

    /** Say how many layers are out of sight above and below. */
    hint() {
        const { scrollTop, clientHeight, children } = this.list;
        const rows = [...children];
        const above = rows.filter((row) => row.offsetTop + row.offsetHeight / 2 < scrollTop).length;
        const below = rows.filter((row) => row.offsetTop + row.offsetHeight / 2 > scrollTop + clientHeight).length;
        for (const [button, count, sign] of [[this.above, above, "▴"], [this.below, below, "▾"]]) {
            button.hidden = count === 0 || clientHeight === 0;
            button.textContent = `${sign} ${count} more`;
        }
    }

    dispose() {
        this.resizing.disconnect();
    }

    /** The number of the chosen layer; null is the final file system. */
    get layer() {
        return this.chosen === 0 ? null : this.image.layers[this.chosen - 1].layer;
    }

    show(image) {
        this.image = image;
        const whole = Math.max(1, image.visible_bytes ?? 0, ...image.layers.map((one) => one.stored_bytes ?? 0));
        this.head.replaceChildren(counted(image.layers.length, "layer"));
        this.list.replaceChildren(
            this.option(0, finalRow(image, whole), "Final file system"),
            ...image.layers.map((one, place) => this.option(place + 1, layerRow(one, whole), layerWords(one))),
        );
        this.mark(0);
        this.seeChosen();
    }

    option(place, content, words) {
        return element(
            "div",
            { class: "layer", role: "option", id: `${this.id}-${place}`, "data-place": place, "aria-label": cut(words) },
            content,
        );
    }

    mark(place) {
        this.chosen = place;
        [...this.list.children].forEach((one, at) => one.setAttribute("aria-selected", String(at === place)));
        this.list.setAttribute("aria-activedescendant", `${this.id}-${place}`);
    }

    choose(place) {
        const wanted = Math.max(0, Math.min(place, this.list.children.length - 1));
        if (wanted === this.chosen) return;
        this.mark(wanted);
        this.seeChosen();
        this.onChoose(this.layer);
    }

    /** Bring the chosen layer into sight, twice: what tells that there are more takes some of the room. */
    seeChosen() {
        const [row, frame] = [this.list.children[this.chosen], this.list];
        for (let time = 0; time < 2; time += 1) {
            const [top, bottom] = [row.offsetTop, row.offsetTop + row.offsetHeight];
            if (top < frame.scrollTop) frame.scrollTop = top;
            else if (bottom > frame.scrollTop + frame.clientHeight) frame.scrollTop = bottom - frame.clientHeight;
            this.hint();
        }
    }

    chooseLayer(layer) {
        this.choose(layer === null ? 0 : this.image.layers.findIndex((one) => one.layer === layer) + 1);
    }

    clicked(event) {
        const place = event.target.closest("[data-place]")?.dataset.place;
        if (place !== undefined) this.choose(Number(place));
    }

    pressed(event) {
        const moves = {
            ArrowDown: this.chosen + 1,
            ArrowUp: this.chosen - 1,
            PageDown: this.chosen + 5,
            PageUp: this.chosen - 5,
            Home: 0,
            End: this.list.children.length - 1,
        };
        if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        this.choose(moves[event.key]);
    }
}

function finalRow(image, whole) {
    return [
        element("span", { class: "number", text: "∑" }),
        element("span", { class: "instruction whole", text: "Final file system" }),
        sizeOf(image.visible_bytes),
        barOf(image.visible_bytes ?? 0, 0, whole),
        element("span", { class: "changes", text: "what a container sees" }),
    ];
}

function layerRow(layer, whole) {
    const hidden = layer.hidden_bytes ?? 0;
    const visible = Math.max(0, (layer.stored_bytes ?? 0) - hidden);
    const told = cut(layer.created_by || layer.instruction || "no instruction");
    return [
        element("span", { class: "number", text: layer.layer }),
        element("span", { class: "instruction", title: told, dir: "auto", text: cut(layer.instruction || "—", 300) }),
        sizeOf(layer.stored_bytes, { title: `stored: ${exactBytes(layer.stored_bytes)}, hidden: ${exactBytes(hidden)}` }),
        barOf(visible, hidden, whole),
        element(
            "span",
            { class: "changes" },
            changesOf(layer),
            element("span", {
                class: "compressed",
                title: `compressed: ${exactBytes(layer.compressed_bytes)}`,
                text: `${humanSize(layer.compressed_bytes)} compressed`,
            }),
        ),
    ];
}

function changesOf(layer) {
    return ["added", "modified", "deleted"]
        .filter((change) => layer[change])
        .map((change) =>
            element(
                "span",
                { class: "change", title: `${layer[change].toLocaleString("en")} ${change}` },
                markOf(change),
                layer[change].toLocaleString("en"),
            ),
        );
}

function layerWords(layer) {
    const changes = ["added", "modified", "deleted"].filter((change) => layer[change]);
    const told = changes.map((change) => `${layer[change]} ${change}`).join(", ");
    const hidden = layer.hidden_bytes ? `, ${humanSize(layer.hidden_bytes)} of them hidden` : "";
    const sizes = `${humanSize(layer.stored_bytes)} stored${hidden}, ${humanSize(layer.compressed_bytes)} compressed`;
    return `Layer ${layer.layer}: ${cut(layer.instruction || "no instruction", 200)}; ${sizes}; ${told}`;
}
