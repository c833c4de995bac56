// The way to the kernel and back: questions, answers, and what to say when none comes.

const SHOW_LOADING_AFTER = 150;
const SAY_BUSY_AFTER = 2500;
const SAY_READING_AFTER = 700;
const ASK_AGAIN_AFTER = 5000;
const SAY_LOST_AFTER = 12_000;
const SAY_SILENT_AFTER = 20_000;

class KernelError extends Error {
    constructor({ message, hint }) {
        super(message);
        this.hint = hint;
    }
}

/**
 * One view's questions to the kernel. Views of one explorer share a model, so each has a name, and ids of its own.
 *
 * `say(text, kind, stop)` is told what a person should know, "" when nothing is waited for,
 * and how to stop it where that can be.
 */
class Channel {
    constructor(model, say) {
        this.model = model;
        this.say = say;
        this.name = Math.random().toString(36).slice(2, 10);
        this.count = 0;
        this.waiting = new Map();
        this.latest = new Map();
        this.heard = (message) => this.receive(message);
        this.ended = () => this.end();
        model.on("msg:custom", this.heard);
        model.on("comm_live_update", this.ended); // the kernel has ended, also in the middle of an answer
        this.timer = setInterval(() => this.report(), 250);
    }

    /** Ask, and promise the answer. */
    ask(asked) {
        this.count += 1;
        const id = `${this.name}-${this.count}`;
        const question = { view: this.name, ...asked };
        return new Promise((resolve, reject) => {
            const now = performance.now();
            this.waiting.set(id, { id, question, resolve, reject, since: now, begun: null, heard: now, told: "", isRepeated: false });
            try {
                this.model.send({ id, ...question });
            } catch (error) {
                this.waiting.delete(id);
                reject(new KernelError(GONE));
            }
        });
    }

    /**
     * Ask the newest question of a kind. While one is under way, only the newest of those that follow is kept:
     * the kernel never has a queue of them. Those that were overtaken are answered with null.
     */
    async askNewest(kind, question) {
        const before = this.latest.get(kind);
        if (before) {
            before.next?.overtaken(null);
            return new Promise((resolve, reject) => {
                before.next = { question, overtaken: resolve, resolve, reject };
            });
        }
        const current = { next: null };
        this.latest.set(kind, current);
        try {
            const answer = await this.ask(question);
            return current.next ? null : answer;
        } catch (error) {
            if (current.next) return null;
            throw error;
        } finally {
            this.latest.delete(kind);
            const { next } = current;
            if (next) this.askNewest(kind, next.question).then(next.resolve, next.reject);
        }
    }

    receive(message) {
        const asked = this.waiting.get(message?.id);
        if (!asked) return;
        asked.heard = performance.now();
        if (message.begun) {
            asked.begun ??= performance.now();
            asked.told = message.begun === true ? asked.told : String(message.begun);
            return;
        }
        this.waiting.delete(message.id);
        this.report();
        if (message.error) asked.reject(new KernelError(message.error));
        else asked.resolve(message.answer);
    }

    /** Say what the oldest open question waits for. */
    report() {
        const [oldest] = this.waiting.values();
        if (!oldest) return this.say("", "");
        const now = performance.now();
        this.repeat(oldest, now);
        if (oldest.begun === null && now - oldest.since > SAY_LOST_AFTER) return this.say(LOST, "busy");
        if (oldest.begun === null && now - oldest.since > SAY_BUSY_AFTER) return this.say(BUSY, "busy");
        if (oldest.begun !== null && now - oldest.begun > SAY_READING_AFTER) {
            const stop = oldest.told || STOPPABLE.includes(oldest.question.ask) ? () => this.stop(oldest.id) : null;
            return this.say(underWay(oldest, Math.round((now - oldest.begun) / 1000)), "reading", stop);
        }
        return now - oldest.since > SHOW_LOADING_AFTER ? this.say("Loading …", "loading") : this.say("", "");
    }

    /** Ask once more what nobody has begun to answer: a question may be lost while a page and a kernel find each other. */
    repeat(asked, now) {
        if (asked.begun !== null || asked.isRepeated || now - asked.since < ASK_AGAIN_AFTER) return;
        asked.isRepeated = true;
        try {
            this.model.send({ id: asked.id, ...asked.question });
        } catch (error) {
            this.end();
        }
    }

    /** Nobody answers any more what is open. */
    end() {
        const open = [...this.waiting.values()];
        this.waiting.clear();
        for (const asked of open) asked.reject(new KernelError(GONE));
        this.report();
    }

    /** Wait no more for an answer. The kernel ends its reading at the next bytes that come; what it says then is late. */
    stop(id) {
        this.waiting.get(id)?.reject(new KernelError(STOPPED));
        this.waiting.delete(id);
        this.count += 1;
        this.model.send({ id: `${this.name}-${this.count}`, ask: "stop", stops: id });
    }

    close() {
        clearInterval(this.timer);
        this.model.off("msg:custom", this.heard);
        this.model.off("comm_live_update", this.ended);
        this.waiting.clear();
        this.leave();
    }

    /** Tell the kernel that this view shows nothing any more: it need not keep for it what it read. */
    leave() {
        this.count += 1;
        try {
            this.model.send({ id: `${this.name}-${this.count}`, view: this.name, ask: "leave" });
        } catch (error) {
            // The way to the kernel ended first, as when a notebook is closed.
        }
    }
}

const BUSY = "The kernel is busy, and answers here as soon as it can. If it was restarted, run the cell again.";
const LOST = "No word from the kernel. If it has nothing else to do, run the cell again: what was asked is lost.";
const STOPPABLE = ["image", "preview"];
const STOPPED = { message: "The reading was stopped.", hint: "Ask again to go on: what is here already is kept." };
const GONE = { message: "The kernel that answered is gone.", hint: "Run the cell again." };

function underWay({ question, told, heard }, seconds) {
    const what = question.ask === "image" ? `Reading the layers for ${shortLabel(question.platform)}` : "Reading";
    const silent = performance.now() - heard > SAY_SILENT_AFTER ? ". No word for a while: if the kernel ended, run the cell again" : "";
    return `${what} … ${told ? `${told}, ` : ""}${seconds} s${silent}`;
}
