// The node's events as they happen. EventSource cannot send the session's key; this reads the same format from a fetch.

import { Problem, openEvents } from "./session.js";

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

export class Stream {
  #last = null;
  #ending = null;

  /** onEvent({id, kind, at, data}), onState("live" | "lost"), onSignedOut() */
  constructor({ onEvent, onState, onSignedOut }) {
    this.onEvent = onEvent;
    this.onState = onState;
    this.onSignedOut = onSignedOut;
  }

  /** Listen until `stop`, from where the last time ended. */
  async start() {
    if (this.#ending) return;
    const ending = new AbortController();
    this.#ending = ending;
    for (let wait = FIRST_WAIT_MS; !ending.signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        await this.#listen(ending.signal, () => { wait = FIRST_WAIT_MS; });
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return this.onSignedOut();
      }
      if (ending.signal.aborted) return;
      this.onState("lost");
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  stop() {
    this.#ending?.abort();
    this.#ending = null;
  }

  async #listen(signal, onOpen) {
    const reader = await openEvents(this.#last, signal);
    onOpen();
    this.onState("live");
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      blocks.forEach((block) => this.#take(block));
    }
  }

  #take(block) {
    const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
    if (fields.data === undefined) return; // a beat
    this.#last = Number(fields.id);
    this.onEvent({ id: this.#last, kind: fields.event, ...JSON.parse(fields.data) });
  }
}
