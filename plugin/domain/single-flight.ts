/** Calls for one key at one time share one run: fifty clients on an expired packument are one question to the uplink. */
export class SingleFlight<Key, Value> {
  readonly #running = new Map<Key, Promise<Value>>()

  run(key: Key, start: () => Promise<Value>): Promise<Value> {
    const running = this.#running.get(key)
    if (running !== undefined) return running
    const promise = start().finally(() => this.#running.delete(key))
    this.#running.set(key, promise)
    return promise
  }

  /** Resolves when everything that runs now has ended, however it ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values())
  }
}
