import { setTimeout as wait } from 'node:timers/promises'
import type { PackageLocks } from '../domain/package-locks.ts'
import type { Document, Documents } from './documents.ts'
import { BucketUnavailable } from './objects.ts'

const TRIES = 20
const PAUSE_MS = 20

/**
 * Reads a document, changes it and writes it back, again where somebody else was faster. `change` returns undefined where nothing is
 * to be written. Returns it as it is then.
 */
export async function changeDocument(documents: Documents, key: string, change: (document: Document | 'absent') => string | undefined, locks: PackageLocks | undefined): Promise<Document | 'absent'> {
  const release = await locks?.acquire(key)
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      const document = await documents.read(key)
      const text = change(document)
      if (text === undefined) return document
      const written = await documents.write(key, text, document)
      if (written !== 'conflict') return written
      await wait(Math.random() * PAUSE_MS * (tries + 1))
    }
  } finally {
    release?.()
  }
  throw new BucketUnavailable(`${key} in the bucket is changed by others all the time`)
}
