/** What a loop sleeps by: until somebody wakes it, or for so long. */
export class Wake {
  #sleeper: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #due: number | undefined
  #isCalled = false

  /** At once, also one that does not sleep yet. */
  now(): void {
    this.#isCalled = true
    this.#sleeper?.()
  }

  /** In so many milliseconds at the latest. */
  soon(milliseconds: number): void {
    const due = performance.now() + milliseconds
    if (this.#due !== undefined && this.#due <= due) return
    this.#due = due
    if (this.#sleeper !== undefined) this.#arm(milliseconds)
  }

  /** With `only-by-hand`, `soon` does not shorten it: whoever failed a moment ago does not try again for every call. */
  next(milliseconds: number, by: 'any' | 'only-by-hand' = 'any'): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(this.#timer)
        this.#sleeper = undefined
        this.#isCalled = false
        this.#due = undefined
        resolve()
      }
      if (by === 'any' && this.#isCalled) {
        done()
        return
      }
      const wait = by === 'any' && this.#due !== undefined ? Math.min(milliseconds, Math.max(0, this.#due - performance.now())) : milliseconds
      if (by === 'only-by-hand') this.#due = 0
      this.#isCalled = false
      this.#sleeper = done
      this.#arm(wait)
    })
  }

  #arm(milliseconds: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#sleeper?.(), milliseconds).unref()
  }
}
