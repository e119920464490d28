import { hash } from 'node:crypto'
import { isObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import type { PackageLocks } from '../domain/package-locks.ts'
import type { Document, Documents } from './documents.ts'
import { changeDocument } from './change.ts'
import { BucketUnavailable } from './objects.ts'

/** What Verdaccio keeps of a token that a user made (`npm token create`): not the token itself. */
export type Token = JsonObject & { readonly user: string; readonly key: string }

/** The tokens of each user: made and revoked at one mirror, good or refused at all. Asked for anew every time. */
export class Tokens {
  readonly #documents: Documents
  readonly #locks: PackageLocks | undefined

  constructor(documents: Documents, locks: PackageLocks | undefined) {
    this.#documents = documents
    this.#locks = locks
  }

  async of(user: string): Promise<readonly Token[]> {
    return tokensOf(await this.#documents.read(keyOf(user)))
  }

  async save(token: Token): Promise<void> {
    await changeDocument(this.#documents, keyOf(token.user), (document) => JSON.stringify([...tokensOf(document).filter(({ key }) => key !== token.key), token]), this.#locks)
  }

  async delete(user: string, key: string): Promise<void> {
    await changeDocument(this.#documents, keyOf(user), (document) => {
      const tokens = tokensOf(document)
      const left = tokens.filter((token) => token.key !== key)
      return left.length === tokens.length ? undefined : JSON.stringify(left)
    }, this.#locks)
  }
}

/** A user's name may hold anything. */
const keyOf = (user: string): string => `.mirror/tokens/${hash('sha256', user)}.json`

function tokensOf(document: Document | 'absent'): readonly Token[] {
  if (document === 'absent') return []
  const tokens: unknown = JSON.parse(document.text)
  if (!Array.isArray(tokens) || !tokens.every(isToken)) throw new BucketUnavailable('the list of tokens of a user is none')
  return tokens as Token[]
}

const isToken = (value: Json): boolean => isObject(value) && ownString(value, 'user') !== undefined && ownString(value, 'key') !== undefined
