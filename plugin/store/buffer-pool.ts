/**
 * Buffers of one size for bytes that are read and sent at once: a new one for each answer would be fresh pages and garbage. There
 * are never more than `max` of them, however many clients take their time.
 */
export class BufferPool {
  readonly size: number
  readonly #max: number
  readonly #idle: Buffer[] = []
  #lent = 0

  constructor(size: number, max: number) {
    this.size = size
    this.#max = max
  }

  /** Undefined while all of them are lent. */
  take(): Buffer | undefined {
    if (this.#lent >= this.#max) return undefined
    this.#lent++
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(this.size)
  }

  /**
   * Ends a loan.
   * @param isDone nothing reads the buffer any more. One that might still be on its way to a client is not used again: it would
   * carry another file's bytes
   */
  give(buffer: Buffer, isDone: boolean): void {
    this.#lent--
    if (isDone) this.#idle.push(buffer)
  }
}
