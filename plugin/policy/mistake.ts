/** A value of a policy that cannot be used: what is wrong with it, and what would be right. Becomes a `Problem`. */
export class Mistake extends Error {
  override readonly name = 'Mistake'
  readonly remedy: string
  constructor(message: string, remedy: string) {
    super(message)
    this.remedy = remedy
  }
}
