import { createHash, hash, timingSafeEqual } from 'node:crypto'
import type { Rejection } from '../domain/state.ts'
import type { SharedKeys } from './shared-keys.ts'

/** What makes an entry one of ours. */
export interface FactSeal {
  /** Over the key too: an entry of another package, or in another place, is as foreign as one made up. */
  seal(key: string, body: string): string
  /** What was sealed, or why it is not believed. */
  open(key: string, stored: string): Opened
}

export type Opened = { readonly body: string; readonly rejected?: undefined } | { readonly rejected: Rejection }

const HASH = 64

/** Of a file that only this mirror writes to: finds what broke by itself. */
export const ownSeal: FactSeal = {
  seal: (key, body) => `${hashOf(key, body)} ${body}`,
  open: (key, stored) => {
    const given = Buffer.from(stored.slice(0, HASH), 'latin1')
    const body = stored.slice(HASH + 1)
    const expected = Buffer.from(hashOf(key, body), 'latin1')
    return given.length === expected.length && timingSafeEqual(given, expected) ? { body } : { rejected: 'altered' }
  },
}

// The length first: where the key ends is not for the body to say.
const hashOf = (key: string, body: string): string => hash('sha256', `${String(key.length)}:${key}${body}`)

/** Milliseconds by which clocks of mirrors and of the store may differ. */
const SKEW = 60 * 60 * 1000
const HEAD = /^v1 ([A-Za-z0-9._-]{1,64}) (\d{1,15}) ([A-Za-z0-9_-]{43}) /

/**
 * Of a store that others can write to: HMAC-SHA-256 over the entry, its key and the time until which it is believed, a little later than
 * the store is told to forget it. What comes after that time was put back by somebody.
 */
export const sharedSeal = (keys: SharedKeys, { ttl, now }: { readonly ttl: number; readonly now: () => number }): FactSeal => ({
  seal: (key, body) => {
    const until = String(now() + ttl + SKEW)
    const { keyid, mac } = keys.mac(...sealed(key, until, body))
    return `v1 ${keyid} ${until} ${mac} ${body}`
  },
  open: (key, stored) => {
    const [head, keyid, until, mac] = HEAD.exec(stored.slice(0, 160)) ?? []
    if (head === undefined || keyid === undefined || until === undefined || mac === undefined) return { rejected: 'unreadable' }
    if (!keys.knows(keyid)) return { rejected: 'unknown-key' }
    const body = stored.slice(head.length)
    if (!keys.isOurs({ keyid, mac }, ...sealed(key, until, body))) return { rejected: 'altered' }
    const left = Number(until) - now()
    if (left < 0) return { rejected: 'expired' }
    // Made by a clock that is far ahead: it would be believed for longer than any.
    return left > ttl + 2 * SKEW ? { rejected: 'ahead' } : { body }
  },
})

/** Digested once: the body is large, and is not copied for it. */
const sealed = (key: string, until: string, body: string): readonly string[] => ['fact', key, until, createHash('sha256').update(body).digest('base64url')]
