// The tab with the files: the tree of a layer or of the final file system, and what a search finds in it.

const SEARCH_PAUSE = 50;

/**
 * `ask`, `askNewest` promise answers; `where()` gives platform, layer and kinds; `filter` is a KindFilter;
 * onSelect(entry, isHit), onUnseen(entry) leads to a hit that is not seen in the end, onError(error).
 */
class Files {
    constructor({ ask, askNewest, where, filter, onSelect, onUnseen, onError }) {
        Object.assign(this, { ask, askNewest, where, filter });
        this.bytes = 0;
        this.sort = "size";
        this.pattern = "";
        this.largest = 1;
        this.searched = Promise.resolve();
        const shared = {
            rowHeight: 24,
            draw: (node) => this.row(node),
            describe: (entry) => entryWords(entry, this.changeOf(entry)),
            onError,
            onSearch: () => this.field.focus(),
        };
        this.tree = new Tree({
            ...shared,
            label: "Files",
            empty: () => this.emptyWords(),
            isWideOpen: () => filter.kinds.length > 0,
            onLoad: ({ whole }) => this.learn(whole),
            source: (place) => ask({ ask: "children", sort: this.sort, ...where(), ...place }),
            onSelect: (entry) => onSelect(entry, false),
            onEnter: () => {},
            onEscape: () => {},
        });
        this.hits = new Tree({
            ...shared,
            label: "Files that were found",
            isFlat: true,
            empty: () => "Nothing has such a name here. A word may stand anywhere in a path; a glob such as *.so or etc/* fits all of it.",
            source: (place) => this.find(place),
            onSelect: (entry) => onSelect(entry, true),
            onEnter: (entry) => (this.isElsewhere(entry) ? onUnseen(entry) : this.go(entry.path)),
            onEscape: () => this.leaveSearch(),
            onLoad: (answer) => this.told(answer),
        });
        this.searchSoon = debounced(() => this.search(), SEARCH_PAUSE);
        this.node = element(
            "div",
            { class: "files", role: "tabpanel" },
            this.searchBar(),
            this.sortBar(),
            this.tree.frame,
            this.hits.frame,
        );
        this.hits.frame.hidden = true;
    }

    searchBar() {
        this.found = element("span", { class: "found", role: "status" });
        this.field = element("input", {
            type: "search",
            placeholder: "Search: word or glob, such as *.so",
            "aria-label": "Search files by word or glob",
            title: RULES,
            spellcheck: "false",
            autocomplete: "off",
            oninput: () => this.searchSoon(),
            onkeydown: (event) => this.pressed(event),
        });
        this.clearButton = element("button", {
            type: "button",
            class: "clear",
            "aria-label": "Clear the search",
            title: "Clear the search (Escape)",
            text: "✕",
            onclick: () => this.leaveSearch(),
        });
        this.clearButton.hidden = true;
        const field = element("span", { class: "field" }, this.field, this.clearButton);
        return element("div", { class: "search" }, field, this.found, this.filter.node);
    }

    sortBar() {
        const button = (sort, word) =>
            element("button", { type: "button", class: `by-${sort}`, "data-sort": sort, text: word, onclick: () => this.sortBy(sort) });
        this.sorts = [button("name", "Name"), button("size", "Size")];
        this.markSort();
        const [name, size] = this.sorts;
        this.fromHead = element("span", { class: "head-from" });
        const heads = [this.fromHead, element("span", { class: "head-mode", text: "Mode" }), element("span", { class: "head-bar" })];
        return element("div", { class: "columns", role: "group", "aria-label": "Sort by" }, name, heads, size);
    }

    markSort() {
        for (const one of this.sorts) one.setAttribute("aria-pressed", String(one.dataset.sort === this.sort));
    }

    async sortBy(sort) {
        this.sort = sort;
        this.markSort();
        const kept = this.tree.active?.path;
        await this.reload();
        if (kept && !this.isSearching) await this.tree.reveal(kept);
    }

    get isSearching() {
        return this.pattern !== "";
    }

    /** Read all anew: another layer, another platform, another order. */
    async reload() {
        this.fromHead.textContent = this.isOfOneLayer ? "" : "Layer";
        await (this.isSearching ? Promise.all([this.hits.reload(), this.tree.reload()]) : this.tree.reload());
    }

    /** Whether all that is shown is stored by one layer. */
    get isOfOneLayer() {
        return this.where().layer !== null;
    }

    learn({ size_bytes: bytes, kinds }) {
        this.bytes = bytes;
        this.filter.count(kinds);
    }

    emptyWords() {
        const { layer, kinds } = this.where();
        if (kinds) return `Nothing here is ${kinds.map((kind) => KIND_WORDS[kind]).join(", or ")}.`;
        return layer === null ? "The image has no files." : "This layer stores no files.";
    }

    find(place) {
        const question = { ask: "search", pattern: this.pattern, sort: this.sort, ...this.where(), ...place };
        const asked = place.offset ? this.ask(question) : this.askNewest("search", question);
        return asked.then((answer) => (answer ? { ...answer, total: answer.rows, found: answer.total } : OVERTAKEN));
    }

    /** Say whether a hit is not in the final file system, of which the search is. */
    isElsewhere(entry) {
        return this.where().layer === null && isHidden(entry);
    }

    /** Search for what is typed, once; the promise is kept when what was found is drawn. */
    search() {
        this.searchSoon.cancel();
        const pattern = this.field.value.trim();
        this.clearButton.hidden = this.field.value === "";
        if (pattern === this.pattern) return this.searched;
        this.pattern = pattern;
        this.hits.frame.hidden = !this.isSearching;
        this.tree.frame.hidden = this.isSearching;
        this.searched = this.isSearching ? this.hits.reload() : this.stopSearch();
        return this.searched;
    }

    async stopSearch() {
        this.found.replaceChildren();
        this.hits.clear();
        this.tree.draw();
    }

    told({ found, total_bytes: bytes, unseen, entries }) {
        this.largest = Math.max(1, ...entries.map((one) => one.size_bytes ?? 0));
        this.found.replaceChildren(
            element("b", { text: found.toLocaleString("en") }),
            ` found, `,
            element("b", { title: exactBytes(bytes), text: humanSize(bytes) }),
            unseen?.total ? this.unseenButton(unseen, found) : "",
        );
    }

    /** What is stored and not seen stands below what was found; this leads there. */
    unseenButton({ total, total_bytes: bytes }, row) {
        return element("button", {
            type: "button",
            class: "unseen-hits",
            title: `${counted(total, "hit")} more, ${exactBytes(bytes)}, that layers store and the final file system does not show`,
            text: `⊘ ${total.toLocaleString("en")} hidden`,
            onclick: () => {
                this.hits.node.focus();
                this.hits.selectRow(row);
            },
        });
    }

    async pressed(event) {
        if (event.key === "Escape") {
            event.preventDefault();
            this.leaveSearch();
        } else if (event.key === "Enter" || event.key === "ArrowDown") {
            event.preventDefault();
            await this.search();
            if (this.isSearching) this.hits.selectFirst();
            else this.tree.selectFirst();
        }
    }

    leaveSearch() {
        this.field.value = "";
        this.search();
        this.tree.node.focus();
    }

    /** Leave the search, and show a path where it stands. */
    async go(path) {
        this.field.value = "";
        await this.search();
        this.tree.node.focus();
        return this.tree.reveal(path);
    }

    row({ entry, parent, isOpen }) {
        const isHit = !this.hits.frame.hidden;
        const isFolder = entry.has_children && !isHit;
        const whole = isHit ? this.largest : (parent.entry?.size_bytes ?? this.bytes);
        const hidden = hiddenPart(entry);
        const size = entry.size_bytes ?? 0;
        const above = isHit ? (entry.shown ?? entry.path).split("/").slice(0, -1).join("/") : "";
        return [
            element("span", { class: "twisty", "aria-hidden": "true", text: isFolder ? (isOpen ? "▾" : "▸") : "" }),
            this.mark(entry),
            element(
                "span",
                { class: `name of-${entry.type}${isHidden(entry) ? " gone" : ""}`, title: entryTitle(entry) },
                element("bdi", { text: cut(entry.name, 300) }),
                entry.has_children ? "/" : "",
                above ? element("bdi", { class: "above", text: `${cut(above, 300)}/` }) : null,
                entry.link_target ? element("span", { class: "target" }, " → ", element("bdi", { text: cut(entry.link_target, 200) })) : null,
            ),
            isHidden(entry) ? element("span", { class: "hidden-sign", title: hiddenWords(entry), text: "⊘" }) : null,
            element("span", { class: "from", title: "the layer that it is from", text: this.isOfOneLayer ? "" : fromLayer(entry) }),
            element("span", { class: "mode", text: humanMode(entry.mode, entry.type) }),
            barOf(size - hidden, hidden, whole),
            isMarker(entry) ? element("span", { class: "size" }) : sizeOf(size),
        ];
    }

    mark(entry) {
        return markOf(this.changeOf(entry));
    }

    /** In the final file system only modified files are marked: every other file was added. */
    changeOf(entry) {
        const { layer, kinds = [] } = this.where();
        const isFolder = entry.type === "directory";
        if (layer !== null) return entry.change;
        return !isFolder && !isHidden(entry) && (entry.change === "modified" || kinds.includes(entry.change)) ? entry.change : null;
    }

    dispose() {
        this.searchSoon.cancel();
        this.tree.dispose();
        this.hits.dispose();
    }
}

const RULES =
    "A word may stand anywhere in the path. With * ? or [ ] it is a glob: * fits / too, and without a / it has to fit " +
    "the name or the whole path. Capitals count only where something is written like that.";
const OVERTAKEN = { total: 0, found: 0, total_bytes: 0, entries: [], offset: 0 }; // the answer to nobody's question any more

function fromLayer(entry) {
    return !entry.has_children && Number.isInteger(entry.layer) ? `layer ${entry.layer}` : "";
}

function isMarker(entry) {
    return entry.type === "whiteout" || entry.type === "opaque";
}

function isHidden(entry) {
    return entry.visible === false && !isMarker(entry) && !isRepeated(entry);
}

/** A folder that a later layer stores again is as visible as before. */
function isRepeated({ type, reason }) {
    return type === "directory" && reason === "overwritten";
}

function hiddenPart(entry) {
    if (entry.hidden_bytes !== undefined && entry.hidden_bytes !== null) return entry.hidden_bytes;
    return isHidden(entry) ? (entry.size_bytes ?? 0) : 0;
}

function hiddenWords(entry) {
    const where = Number.isInteger(entry.hidden_in) ? ` in layer ${entry.hidden_in}` : "";
    return `hidden: ${entry.reason ?? "not seen in the end"}${where}`;
}

function entryTitle(entry) {
    const hidden = isHidden(entry) ? `\n${hiddenWords(entry)}` : "";
    return cut(`${entry.shown ?? entry.path}\n${KINDS[entry.type] ?? entry.type}, ${exactBytes(entry.size_bytes)}${hidden}`);
}

/** What a screen reader says of a row, for which marks, bars and colours are nothing. */
function entryWords(entry, change) {
    const kind = entry.has_children ? `folder with ${counted(entry.files ?? 0, "file")}` : KINDS[entry.type];
    const size = isMarker(entry) ? "" : humanSize(entry.size_bytes);
    const words = [cut(entry.name, 300), kind, size, change ?? entry.change ?? ""];
    if (isHidden(entry)) words.push(hiddenWords(entry));
    if (entry.link_target) words.push(`leads to ${cut(entry.link_target, 200)}`);
    return words.filter(Boolean).join(", ");
}
