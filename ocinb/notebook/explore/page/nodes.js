// A tree of which only what was looked at is here: folders of 100,000 children are pages that come when they are seen.

const PAGE = 100;

/** One row that there is, or will be once its page came. */
class Node {
    constructor(parent, index) {
        this.parent = parent;
        this.index = index;
        this.level = parent ? parent.level + 1 : 0;
        this.entry = null;
        this.isOpen = false;
        this.total = 0;
        this.rows = 0; // below this one, as far as they are open
        this.children = new Map();
        this.opened = []; // the children that are open, in order
        this.pages = new Map(); // number → promise of that page
    }

    get path() {
        return this.entry?.path ?? "";
    }

    child(index) {
        if (!this.children.has(index)) this.children.set(index, new Node(this, index));
        return this.children.get(index);
    }

    /** Take what a page has brought. */
    fill({ offset, total, entries }) {
        this.total = total;
        entries.forEach((entry, place) => (this.child(offset + place).entry = entry));
        this.recount();
    }

    open() {
        this.isOpen = true;
        const siblings = this.parent?.opened;
        if (siblings && !siblings.includes(this)) {
            siblings.push(this);
            siblings.sort((one, other) => one.index - other.index);
        }
        this.recount();
    }

    close() {
        this.isOpen = false;
        if (this.parent) this.parent.opened = this.parent.opened.filter((one) => one !== this);
        this.recount();
    }

    recount() {
        this.rows = this.isOpen ? this.opened.reduce((sum, one) => sum + one.rows, this.total) : 0;
        this.parent?.recount();
    }

    /** The node that stands in a row below this one. */
    at(row) {
        let more = 0;
        for (const one of this.opened) {
            const place = one.index + more;
            if (row <= place) break;
            if (row <= place + one.rows) return one.at(row - place - 1);
            more += one.rows;
        }
        return this.child(row - more);
    }

    /** The row in which this node stands, counted from the root. */
    get row() {
        let row = this.index;
        for (const one of this.parent.opened) if (one.index < this.index) row += one.rows;
        return this.parent.parent ? this.parent.row + 1 + row : row;
    }

    /** The child of this path, if its page is here. */
    known(path) {
        for (const one of this.children.values()) if (one.entry && one.path === path) return one;
        return null;
    }
}
