// A list or tree that draws only the rows that are seen, and that a keyboard moves in as ARIA describes it.

const SPARE_ROWS = 8;
const MOST_OPENED = 8;
const MOST_OPENED_AT_ONCE = 30;
const TYPING_PAUSE = 700;
const MOST_TYPED_AHEAD = 20_000;

/**
 * `options`: label, rowHeight, empty() (what to say when there is nothing), isFlat, isWideOpen() (whether it opens by
 * itself as far as it is small), source({path, around, offset, limit}),
 * draw(node) → elements, describe(entry) → words for a screen reader, onSelect(entry), onEnter(entry), onSearch(),
 * onEscape(), onError(error), onLoad(answer).
 */
class Tree {
    constructor(options) {
        this.options = options;
        this.id = uniqueId("tree");
        this.openPaths = new Set();
        this.rows = element("div", { class: "rows", role: "presentation" });
        this.message = element("div", { class: "message" });
        this.node = element(
            "div",
            {
                class: "tree",
                role: "tree",
                tabindex: "0",
                "aria-label": options.label,
                style: `--row: ${options.rowHeight}px`,
                onkeydown: (event) => this.pressed(event),
                onclick: (event) => this.clicked(event),
                ondblclick: (event) => this.clickedTwice(event),
                onscroll: () => this.draw(),
            },
            this.rows,
        );
        this.frame = element("div", { class: "tree-frame" }, this.node, this.message);
        this.loadSoon = debounced(() => this.loadSeen(), 60);
        this.tellSelected = debounced((entry) => options.onSelect(entry), 100);
        this.typed = "";
        this.forgetTyped = debounced(() => (this.typed = ""), TYPING_PAUSE);
        this.resizing = new ResizeObserver(() => {
            const bar = this.node.offsetWidth - this.node.clientWidth;
            if (this.node.offsetWidth) this.frame.parentElement?.style.setProperty("--scrollbar", `${bar}px`); // for headings
            this.draw();
        });
        this.resizing.observe(this.node);
        this.clear();
    }

    clear() {
        this.root = new Node(null, 0);
        this.root.isOpen = true;
        this.drawn = new Map();
        this.active = null;
        this.tellSelected.cancel();
    }

    /** Begin anew: what was open opens again where it is still there. */
    async reload() {
        const kept = this.active?.path;
        this.clear();
        const root = this.root;
        try {
            const answer = await this.load(root, 0);
            if (root !== this.root) return;
            this.node.scrollTop = 0;
            this.message.replaceChildren(answer.total ? "" : this.options.empty());
            this.active = (kept && root.known(kept)) || null;
            if (!this.options.isFlat) await this.openOnly(root);
            if (this.options.isWideOpen?.()) await this.openLevels(root);
            this.draw();
        } catch (error) {
            if (root === this.root) this.fail(error);
        }
    }

    fail(error) {
        this.clear();
        this.draw();
        this.message.replaceChildren(errorBox(error));
    }

    /** Load one page of a folder, once; a page that did not come is asked for again when it is next seen. */
    load(node, number) {
        if (!node.pages.has(number)) {
            const coming = this.bring(node, { offset: number * PAGE });
            node.pages.set(number, coming);
            coming.catch(() => node.pages.delete(number));
        }
        return node.pages.get(number);
    }

    async bring(node, where) {
        const root = this.root;
        const answer = await this.options.source({ path: node.path, limit: PAGE, ...where });
        if (root !== this.root) return answer;
        const offset = answer.offset ?? where.offset ?? 0;
        node.fill({ ...answer, offset });
        if (node === root && offset === 0) this.options.onLoad?.(answer); // the rows are drawn to its measure
        if (!node.pages.has(offset / PAGE)) node.pages.set(offset / PAGE, Promise.resolve(answer));
        await this.reopen(node, offset, answer.entries.length);
        this.draw();
        return answer;
    }

    /** Open folders that are all there is: nobody wants to be asked. */
    async openOnly(root) {
        for (let node = root; node.total === 1 && node.level < MOST_OPENED; node = node.child(0)) {
            if (!node.child(0).entry?.has_children) return;
            await this.open(node.child(0), { isKept: false });
        }
    }

    /** Open level after level as long as there are few folders: what was picked out is seen where it is. */
    async openLevels(root) {
        let opened = 0;
        for (let level = [root]; level.length; ) {
            const folders = level.flatMap((node) => [...node.children.values()]).filter((one) => one.entry?.has_children);
            opened += folders.length;
            if (opened > MOST_OPENED_AT_ONCE || root !== this.root) return;
            await Promise.all(folders.map((one) => this.open(one, { isKept: false })));
            level = folders;
        }
    }

    async reopen(node, offset, count) {
        for (let place = offset; place < offset + count; place += 1) {
            const child = node.child(place);
            if (child.entry.has_children && !child.isOpen && this.openPaths.has(child.path)) await this.open(child);
        }
    }

    async open(node, { isKept = true } = {}) {
        if (!node.entry?.has_children || node.isOpen) return;
        if (isKept) this.openPaths.add(node.path);
        await this.load(node, 0);
        node.open();
        this.draw();
    }

    close(node) {
        this.openPaths.delete(node.path);
        node.close();
        this.draw();
    }

    toggle(node) {
        if (node.isOpen) this.close(node);
        else this.open(node).catch((error) => this.options.onError(error));
    }

    /** Open the way to a path and select it; false if it is not there. */
    async reveal(path) {
        const root = this.root;
        await this.load(root, 0);
        let node = root;
        const parts = path.split("/");
        for (const place of parts.keys()) {
            const wanted = parts.slice(0, place + 1).join("/");
            if (node !== root) await this.open(node);
            const child = node.known(wanted) ?? (await this.seek(node, wanted));
            if (root !== this.root || !child) return false;
            node = child;
        }
        this.select(node, { isCentred: true });
        return true;
    }

    async seek(node, path) {
        const answer = await this.bring(node, { around: path });
        return Number.isInteger(answer.index) ? node.child(answer.index) : node.known(path);
    }

    select(node, { isCentred = false } = {}) {
        this.active = node;
        this.scrollTo(node.row, isCentred);
        this.draw();
        if (node.entry) this.tellSelected(node.entry);
    }

    /** Select the first row, such as the first hit of a search. */
    selectFirst() {
        this.node.focus();
        if (this.root.rows) this.select(this.root.at(0));
    }

    scrollTo(row, isCentred) {
        const { rowHeight } = this.options;
        const { scrollTop, clientHeight } = this.node;
        const [top, bottom] = [row * rowHeight, (row + 1) * rowHeight];
        const isSeen = top >= scrollTop && bottom <= scrollTop + clientHeight;
        this.rows.style.height = `${this.root.rows * rowHeight}px`;
        if (isSeen) return;
        if (isCentred) this.node.scrollTop = top - clientHeight / 2;
        else this.node.scrollTop = top < scrollTop ? top : bottom - clientHeight;
    }

    /** Draw the rows that are seen, and a few more. */
    draw() {
        const { rowHeight } = this.options;
        const total = this.root.rows;
        const first = Math.max(0, Math.floor(this.node.scrollTop / rowHeight) - SPARE_ROWS);
        const last = Math.min(total, Math.ceil((this.node.scrollTop + this.node.clientHeight) / rowHeight) + SPARE_ROWS);
        this.rows.style.height = `${total * rowHeight}px`;
        const drawn = new Map();
        let isWhole = true;
        for (let row = first; row < last; row += 1) {
            const node = this.root.at(row);
            isWhole = isWhole && node.entry !== null;
            drawn.set(row, this.drawnRow(node, row));
        }
        // Rows that stay are not touched: a second click and a screen reader find them where they were.
        const rows = [...drawn.values()].map((one) => one.row);
        const stay = rows.length === this.rows.children.length && rows.every((row, at) => row === this.rows.children[at]);
        if (!stay) this.rows.replaceChildren(...rows);
        this.drawn = drawn;
        this.seen = [first, last];
        const isShown = this.active && this.active.row >= first && this.active.row < last;
        if (isShown) this.node.setAttribute("aria-activedescendant", `${this.id}-${this.active.row}`);
        else this.node.removeAttribute("aria-activedescendant");
        if (!isWhole) this.loadSoon();
    }

    /** A row as it was drawn before, if nothing but the choice has changed. */
    drawnRow(node, place) {
        const { entry, isOpen } = node;
        const before = this.drawn.get(place);
        const isSame = before && before.node === node && before.entry === entry && before.isOpen === isOpen;
        const { row } = isSame ? before : { row: this.newRow(node, place) };
        row.classList.toggle("active", node === this.active);
        row.setAttribute("aria-selected", String(node === this.active));
        return { row, node, entry, isOpen };
    }

    newRow(node, row) {
        const { entry } = node;
        const isFolder = Boolean(entry?.has_children) && !this.options.isFlat;
        return element(
            "div",
            {
                class: entry ? "row" : "row pending",
                role: "treeitem",
                id: `${this.id}-${row}`,
                "data-row": row,
                "aria-level": node.level,
                "aria-setsize": node.parent.total,
                "aria-posinset": node.index + 1,
                "aria-expanded": isFolder ? String(node.isOpen) : null,
                "aria-label": entry ? cut(this.options.describe(entry)) : "loading",
                style: `top: ${row * this.options.rowHeight}px; --level: ${Math.min(node.level, 24) - 1}`,
            },
            entry ? this.options.draw(node) : element("span", { class: "name", text: "…" }),
        );
    }

    /** Load the pages that are seen and not here. */
    loadSeen() {
        const [first, last] = this.seen;
        for (let row = first; row < Math.min(last, this.root.rows); row += 1) {
            const node = this.root.at(row);
            if (node.entry) continue;
            this.load(node.parent, Math.floor(node.index / PAGE)).catch((error) => this.options.onError(error));
        }
    }

    nodeOf(event) {
        const row = event.target.closest("[data-row]")?.dataset.row;
        if (row !== undefined) return this.root.at(Number(row));
        const place = event.clientY - this.node.getBoundingClientRect().top + this.node.scrollTop;
        const under = Math.floor(place / this.options.rowHeight);
        return under < this.root.rows ? this.root.at(under) : null;
    }

    clicked(event) {
        const node = this.nodeOf(event);
        if (!node?.entry || event.target.closest("button")) return;
        const isTwisty = Boolean(event.target.closest(".twisty"));
        this.select(node);
        if (isTwisty || (node.entry.has_children && !this.options.isFlat && event.detail <= 1)) this.toggle(node);
    }

    clickedTwice(event) {
        const node = this.nodeOf(event);
        if (node?.entry && (this.options.isFlat || !node.entry.has_children)) this.options.onEnter(node.entry);
    }

    pressed(event) {
        if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.node) return;
        const action = this.keys()[event.key];
        if (action) action();
        else if (event.key.length === 1 && event.key !== " ") this.typeAhead(event.key);
        else return;
        event.preventDefault();
    }

    keys() {
        const row = this.active ? this.active.row : -1;
        const page = Math.max(1, Math.floor(this.node.clientHeight / this.options.rowHeight) - 1);
        return {
            ArrowDown: () => this.selectRow(row + 1),
            ArrowUp: () => this.selectRow(Math.max(row - 1, 0)),
            PageDown: () => this.selectRow(row + page),
            PageUp: () => this.selectRow(Math.max(row - page, 0)),
            Home: () => this.selectRow(0),
            End: () => this.selectRow(this.root.rows - 1),
            ArrowRight: () => this.inwards(),
            ArrowLeft: () => this.outwards(),
            Enter: () => this.enter(),
            " ": () => this.enter(),
            Escape: () => this.options.onEscape(),
            "/": () => this.options.onSearch(),
        };
    }

    selectRow(row) {
        if (this.root.rows) this.select(this.root.at(Math.min(row, this.root.rows - 1)));
    }

    inwards() {
        if (!this.active || this.options.isFlat) return;
        if (this.active.isOpen && this.active.total) this.select(this.active.child(0));
        else if (this.active.entry?.has_children) this.toggle(this.active);
    }

    outwards() {
        if (this.active?.isOpen) this.close(this.active);
        else if (this.active?.parent?.parent) this.select(this.active.parent);
    }

    enter() {
        const { active } = this;
        if (!active?.entry) return;
        if (active.entry.has_children && !this.options.isFlat) this.toggle(active);
        else this.options.onEnter(active.entry);
    }

    /** Go to the next row whose name begins with what was typed. */
    typeAhead(key) {
        this.typed += key.toLowerCase();
        this.forgetTyped();
        const { rows } = this.root;
        const start = (this.active?.row ?? -1) + (this.typed.length === 1 ? 1 : 0);
        for (let step = 0; step < Math.min(rows, MOST_TYPED_AHEAD); step += 1) {
            const node = this.root.at((Math.max(start, 0) + step) % rows);
            if (node.entry?.name?.toLowerCase().startsWith(this.typed)) return this.select(node);
        }
    }

    dispose() {
        this.resizing.disconnect();
        this.tellSelected.cancel();
        this.loadSoon.cancel();
    }
}
