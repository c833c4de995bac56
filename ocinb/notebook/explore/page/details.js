// One file: what every layer did to it, who hid it, and its text.

const LINKS = ["symlink", "hardlink"];
const PREVIEWED = ["file", "hardlink"];

/** `ask(question)` promises an answer, `onGo(path)` leads to another file, `onUnseen(entry)` to one that only its layer has. */
class Details {
    constructor({ ask, askNewest, platform, onGo, onUnseen, onFill }) {
        Object.assign(this, { ask, askNewest, platform, onGo, onUnseen, onFill });
        this.node = element("section", { class: "details", "aria-label": "Details of the file" });
        this.clear();
    }

    clear() {
        this.path = null;
        this.onFill(false);
        this.node.replaceChildren(
            element("h4", { text: "Details" }),
            element("p", { class: "dim", text: "Choose a file: here stand its versions in all layers, and its text." }),
        );
    }

    async show(entry, { canGo = false } = {}) {
        this.path = entry.path;
        this.onFill(true);
        try {
            const question = { ask: "file", platform: this.platform(), path: entry.path };
            const file = await this.askNewest("file", question);
            if (file && this.path === entry.path) this.draw(entry, file, canGo);
        } catch (error) {
            if (this.path === entry.path) this.node.replaceChildren(errorBox(error));
        }
    }

    draw(entry, file, canGo) {
        const shown = entry.shown ?? entry.path;
        const stored = file.versions.filter((one) => PREVIEWED.includes(one.type));
        this.preview = element("div", { class: "preview" });
        this.node.replaceChildren(
            element(
                "h4",
                { class: "path" },
                element("bdi", { title: cut(shown), text: `/${shown}` }),
                copyButton(shown, "path"),
                canGo ? this.wayButton(entry) : null,
            ),
            this.sum(entry, file),
            element("div", { class: "versions" }, [...file.versions].reverse().map((one) => this.version(one, entry))),
            stored.length ? this.previewBar(stored) : "",
            this.preview,
        );
        this.node.scrollTop = 0;
    }

    wayButton(entry) {
        const isUnseen = isHidden(entry) && Number.isInteger(entry.layer);
        const text = isUnseen ? `Show in layer ${entry.layer}` : "Show in tree";
        const go = () => (isUnseen ? this.onUnseen(entry) : this.onGo(entry.path));
        return element("button", { type: "button", class: "go", text, onclick: go });
    }

    sum(entry, file) {
        const inside = entry.type === "directory" ? `, ${counted(entry.files ?? 0, "file")} below it` : "";
        const size = entry.type === "directory" || entry.type === "file" ? `, ${humanSize(entry.size_bytes)}` : "";
        const versions = file.versions.length ? `, in ${counted(file.versions.length, "layer")}` : "";
        return element("p", { class: "dim", text: `${KINDS[entry.type] ?? entry.type}${size}${inside}${versions}` });
    }

    version(version, entry) {
        const facts = [
            ["mode", humanMode(version.mode, version.type)],
            ["owner", ownerOf(version)],
            ["modified", humanTime(version.mtime)],
        ].filter(([, value]) => value);
        return element(
            "div",
            { class: `version${isHidden(version) ? " unseen" : ""}${isMarker(version) ? " marker" : ""}` },
            element(
                "div",
                { class: "line" },
                markOf(version.change),
                element("b", { text: `layer ${version.layer}` }),
                element("span", { class: "state" }, stateOf(version)),
                isMarker(version) || version.type === "directory" ? null : sizeOf(version.size_bytes),
            ),
            element("code", { class: "instruction", dir: "auto", title: cut(version.instruction ?? ""), text: cut(version.instruction || "no instruction", 300) }),
            element(
                "div",
                { class: "facts" },
                facts.map(([name, value]) => element("span", { title: name, text: value })),
                version.sha256 ? element("span", {}, "sha256 ", digestOf(version.sha256, "sha256")) : null,
                version.link_target ? this.link(version, entry) : null,
            ),
            Number.isInteger(version.hidden_in) && !isRepeated(version) ? hiderOf(version) : null,
        );
    }

    link(version, entry) {
        const target = linkedPath(version, entry.path);
        return element(
            "span",
            { class: "link" },
            "→ ",
            element("bdi", { text: version.link_target }),
            target ? element("button", { type: "button", class: "go", text: "Go there", onclick: () => this.onGo(target) }) : null,
        );
    }

    previewBar(stored) {
        const newest = stored.at(-1);
        const picker = element(
            "select",
            { "aria-label": "Version", onchange: () => this.read(Number(picker.value)) },
            [...stored].reverse().map((one) => element("option", { value: one.layer, text: `layer ${one.layer}, ${humanSize(one.size_bytes)}` })),
        );
        picker.value = (stored.findLast((one) => one.visible) ?? newest).layer;
        const button = element("button", { type: "button", class: "read", text: "Show text", onclick: () => this.read(Number(picker.value)) });
        return element("div", { class: "preview-bar" }, button, stored.length > 1 ? element("label", {}, " of ", picker) : null);
    }

    async read(layer) {
        const { path, preview } = this;
        const size = preview.offsetHeight;
        preview.style.minHeight = `${size}px`; // what was below stays where it is until the text is here
        try {
            const question = { ask: "preview", platform: this.platform(), path, layer };
            const answer = await this.askNewest("preview", question);
            if (answer && preview === this.preview) preview.replaceChildren(...previewOf(answer));
        } catch (error) {
            if (preview === this.preview) preview.replaceChildren(errorBox(error));
        } finally {
            preview.style.minHeight = "";
        }
    }
}

function ownerOf({ uid, gid }) {
    return uid === null || uid === undefined ? "" : `${uid}:${gid}`;
}

function stateOf(version) {
    if (isMarker(version)) return KINDS[version.type];
    if (version.visible) return "visible";
    if (isRepeated(version)) return "stored again above";
    return version.reason ? `⊘ hidden: ${version.reason}` : "⊘ hidden";
}

function hiderOf(version) {
    return element(
        "div",
        { class: "hider" },
        `by layer ${version.hidden_in}: `,
        element("code", { dir: "auto", title: cut(version.hidden_by ?? ""), text: cut(version.hidden_by || "no instruction", 300) }),
    );
}

function previewOf(answer) {
    if (answer.is_binary) return [element("p", { class: "dim", text: `A binary file of ${humanSize(answer.size_bytes)}: no text to show.` })];
    if (!answer.text) return [element("p", { class: "dim", text: "The file is empty." })];
    const text = element("pre", { tabindex: "0", "aria-label": "Text of the file" });
    text.textContent = answer.text; // whole: the kernel has cut it
    const more = `Only the beginning: the file has ${humanSize(answer.size_bytes)}.`;
    return answer.is_cut ? [text, element("p", { class: "dim", text: more })] : [text];
}

/** Where a link leads in the image, as far as its words tell; null outside it. */
function linkedPath({ type, link_path: known, link_target: target }, path) {
    if (known !== undefined) return known;
    if (!LINKS.includes(type) || !target) return null;
    const isRelative = type === "symlink" && !target.startsWith("/");
    const parts = isRelative ? path.split("/").slice(0, -1) : [];
    for (const part of target.split("/")) {
        if (part === "..") parts.pop();
        else if (part && part !== ".") parts.push(part);
    }
    return parts.join("/") || null;
}
