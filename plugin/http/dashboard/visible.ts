import type { Request } from 'express'
import pLimit from 'p-limit'
import { isRefusal, permitted, userOf, type VerdaccioAuth } from '../access.ts'

/** Auth plugins may ask a server of their own. */
const AT_ONCE = 16
const MAX_KNOWN = 10_000

/** Which packages whoever asks may know of, by Verdaccio's `access` rules; each name is asked for once. */
export class Visible {
  readonly #auth: VerdaccioAuth
  readonly #user: unknown
  readonly #limit = pLimit(AT_ONCE)
  readonly #known = new Map<string, Promise<boolean>>()

  constructor(auth: VerdaccioAuth, request: Request) {
    this.#auth = auth
    this.#user = userOf(request)
  }

  /** @throws Unavailable when the auth plugins do not answer */
  sees(name: string): Promise<boolean> {
    const known = this.#known.get(name) ?? this.#limit(() => this.#ask(name))
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    this.#known.set(name, known)
    return known
  }

  /** Those of packages that are seen, and those of none. */
  async only<Item>(items: readonly Item[], nameOf: (item: Item) => string | null): Promise<readonly Item[]> {
    const seen = await Promise.all(
      items.map((item) => {
        const name = nameOf(item)
        return name === null ? Promise.resolve(true) : this.sees(name)
      }),
    )
    return items.filter((_item, index) => seen[index])
  }

  async #ask(packageName: string): Promise<boolean> {
    try {
      await permitted(this.#auth, 'access', { packageName }, this.#user)
      return true
    } catch (error) {
      if (isRefusal(error)) return false
      throw error
    }
  }
}
