// The explorer as a whole: one object for each place in which it is shown.

const KEYS = "↑ ↓ move · → ← open and close · / search · type a name to go to it · Enter goes to what was found";
const LAYER_KEYS = "↑ ↓ choose a layer";

class Explorer {
    constructor(model, frame) {
        this.status = element("div", { class: "status", role: "status", "aria-live": "polite" });
        this.words = element("span");
        this.stopButton = element("button", { type: "button", class: "stop", text: "Stop", onclick: () => this.stopReading?.() });
        this.keys = element("div", { class: "keys", text: KEYS });
        this.channel = new Channel(model, (text, kind, stop) => this.say(text, kind, stop));
        const opening = model.get("opening");
        this.platform = opening.platform;
        this.makeParts(opening);
        this.panes = element("div", { class: "panes" }, this.layers.node, this.contents(), this.details.node);
        this.node = element(
            "div",
            {
                class: "ocinb-explorer",
                "data-lm-suppress-shortcuts": "true", // JupyterLab's keys, x and d d among them, are for its own cells
                onkeydown: (event) => this.pressed(event),
                onkeyup: (event) => event.stopPropagation(),
                onkeypress: (event) => event.stopPropagation(),
                onfocusin: ({ target }) => (this.keys.textContent = this.layers.node.contains(target) ? LAYER_KEYS : KEYS),
            },
            this.overview.node,
            this.panes,
            element("footer", {}, this.status, this.keys),
        );
        frame.append(this.node);
        this.showImage(opening.image);
    }

    makeParts(opening) {
        const ask = (question) => this.channel.ask(question);
        const askNewest = (kind, question) => this.channel.askNewest(kind, question);
        const platform = () => this.platform;
        const onError = (error) => this.fail(error);
        this.overview = new Overview({ ...opening, onPlatform: (name) => this.switchPlatform(name) });
        this.layers = new Layers({ onChoose: () => this.showLayer() });
        this.filter = new KindFilter({ onChange: () => this.showLayer() });
        const onUnseen = ({ path, layer }) => this.goToLayer({ path, stored_in: layer });
        const onFill = (isFull) => this.fill(isFull);
        this.details = new Details({ ask, askNewest, platform, onGo: (path) => this.go(path), onUnseen, onFill });
        this.files = new Files({
            ask,
            askNewest,
            where: () => this.where(),
            filter: this.filter,
            onSelect: (entry, isHit) => this.details.show(entry, { canGo: isHit }),
            onUnseen,
            onError,
        });
        this.waste = new Waste({
            ask,
            platform,
            onSelect: (entry) => this.details.show({ type: "file", size_bytes: entry.hidden_bytes, ...entry }),
            onGo: (entry) => this.goToLayer(entry),
            onGoCopy: (entry) => this.goToEnd(entry.path),
            onError,
        });
    }

    /** What is looked at, as the kernel is asked for it. */
    where() {
        const { layer } = this.layers;
        const { kinds } = this.filter;
        return {
            platform: this.platform,
            layer,
            ...(kinds.length ? { kinds } : {}),
        };
    }

    contents() {
        const pages = { Files: this.files.node, Waste: this.waste.node };
        const names = Object.keys(pages);
        this.tabs = names.map((name, place) => {
            pages[name].id = uniqueId("page");
            return element("button", {
                type: "button",
                role: "tab",
                id: uniqueId("tab"),
                "aria-controls": pages[name].id,
                text: name,
                onclick: () => this.showTab(name),
                onkeydown: (event) => {
                    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
                    event.preventDefault();
                    const other = (place + 1) % names.length;
                    this.showTab(names[other]);
                    this.tabs[other].focus();
                },
            });
        });
        names.forEach((name, place) => pages[name].setAttribute("aria-labelledby", this.tabs[place].id));
        this.pages = pages;
        this.scope = element("span", { class: "scope" });
        const bar = element("div", { class: "tab-bar" }, element("div", { role: "tablist", class: "tabs" }, this.tabs), this.scope);
        const whole = element("section", { class: "contents" }, bar, Object.values(pages));
        this.showTab("Files");
        return whole;
    }

    showTab(name) {
        this.tab = name;
        Object.entries(this.pages).forEach(([one, page], place) => {
            page.hidden = one !== name;
            this.tabs[place].setAttribute("aria-selected", String(one === name));
            this.tabs[place].tabIndex = one === name ? 0 : -1;
        });
        this.nameScope();
        if (name === "Waste" && !this.isWasteLoaded) {
            this.isWasteLoaded = true;
            this.waste.reload();
        }
        (name === "Waste" ? this.waste : this.files.tree).draw();
    }

    nameScope() {
        const { layer } = this.layers.image ? this.layers : { layer: null };
        const files = layer === null ? "final file system" : `layer ${layer}`;
        this.scope.textContent = this.tab === "Files" ? files : "all layers";
        this.filter.show(layer);
    }

    showImage(image) {
        this.platform = image.platform;
        this.overview.show(image);
        this.layers.show(image);
        this.details.clear();
        this.isWasteLoaded = false;
        this.filter.clear();
        this.showTab(this.tab);
        this.files.tree.openPaths.clear();
        return this.showLayer();
    }

    showLayer() {
        this.nameScope();
        this.clearFailure();
        return this.files.reload();
    }

    /** Read another platform's image; until it is here the old one stays, and says that it waits. */
    async switchPlatform(platform) {
        this.node.setAttribute("aria-busy", "true");
        this.clearFailure();
        try {
            const image = await this.channel.askNewest("image", { ask: "image", platform });
            if (image) await this.showImage(image);
        } catch (error) {
            this.overview.picker.value = this.platform;
            this.fail(error);
        } finally {
            this.node.removeAttribute("aria-busy");
        }
    }

    async go(path) {
        this.showTab("Files");
        if (await this.files.go(path).catch((error) => this.fail(error))) return;
        for (const layer of new Set([this.layers.layer, null])) {
            if (!this.lookAt(layer)) continue;
            if (await this.files.go(path).catch((error) => this.fail(error))) return;
        }
        this.fail({ message: `/${cut(path, 300)} is not in the final file system.` });
    }

    /** Show all of a layer, or with null all of the final file system; false if it is shown already. */
    lookAt(layer) {
        const isOther = this.filter.clear();
        const isOtherLayer = this.layers.layer !== layer;
        if (isOtherLayer) this.layers.chooseLayer(layer);
        else if (isOther) this.showLayer();
        return isOther || isOtherLayer;
    }

    /** Show a path of the final file system. */
    async goToEnd(path) {
        this.showTab("Files");
        this.lookAt(null);
        await this.files.go(path).catch((error) => this.fail(error));
    }

    /** Give the layers the room until there is a file to tell of. */
    fill(isFull) {
        if (!this.panes) return;
        this.panes.classList.toggle("with-details", isFull);
        if (isFull) requestAnimationFrame(() => this.layers.seeChosen());
    }

    async goToLayer({ path, stored_in: layer }) {
        this.showTab("Files");
        this.lookAt(layer);
        await this.files.go(path).catch((error) => this.fail(error));
    }

    say(text, kind, stop = null) {
        if (this.status.dataset.kind === "failure" && !text) return;
        this.words.textContent = text;
        this.stopButton.hidden = !stop;
        this.stopReading = stop;
        if (!text) this.status.replaceChildren();
        else if (!this.words.isConnected) this.status.replaceChildren(this.words, this.stopButton);
        const isCounting = kind === "reading" && this.status.dataset.kind === kind;
        this.status.setAttribute("aria-live", isCounting ? "off" : "polite"); // no screen reader counts seconds
        this.status.dataset.kind = kind;
    }

    fail(error) {
        this.status.dataset.kind = "failure";
        this.status.replaceChildren(errorBox(error));
    }

    clearFailure() {
        if (this.status.dataset.kind !== "failure") return;
        this.status.dataset.kind = "";
        this.status.replaceChildren();
    }

    pressed(event) {
        event.stopPropagation(); // where no attribute keeps the page's own shortcuts away
        const isTyping = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
        if (event.key !== "/" || isTyping || event.defaultPrevented) return;
        event.preventDefault();
        this.showTab("Files");
        this.files.field.focus();
    }

    dispose() {
        this.channel.close();
        this.files.dispose();
        this.waste.dispose();
        this.layers.dispose();
        this.node.remove();
    }
}

function render({ model, el }) {
    const explorer = new Explorer(model, el);
    return () => explorer.dispose();
}

export default { render };
