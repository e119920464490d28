import { SharedKeys } from '../../../plugin/store/shared-keys.ts'
import { Bucket } from '../../../plugin/s3/objects.ts'
import { Copies } from '../../../plugin/s3/copies.ts'
import { Documents, type Tampering } from '../../../plugin/s3/documents.ts'
import { settableClock } from '../../support/mirror.ts'
import { ACCESS, BUCKET, REGION, type FakeS3 } from '../../support/s3.ts'

export const KEY = { id: 'one', secret: Buffer.alloc(48, 'k') }

export const bucketOf = ({ url }: FakeS3, more: Partial<ConstructorParameters<typeof Bucket>[0]> = {}): Bucket =>
  new Bucket({ bucket: BUCKET, prefix: '', endpoint: url, region: REGION, forcePathStyle: true, timeout: 1000, credentials: ACCESS, ...more })

export interface Opened {
  readonly documents: Documents
  readonly told: Tampering[]
  readonly clock: ReturnType<typeof settableClock>
}

export function documentsOf(s3: FakeS3, { dir, keys = [KEY], isConditional = true, memory = 100_000 }: { readonly dir?: string; readonly keys?: readonly (typeof KEY)[]; readonly isConditional?: boolean; readonly memory?: number } = {}): Opened {
  const told: Tampering[] = []
  const clock = settableClock(new Date('2026-03-01T00:00:00Z'))
  const [first = KEY, ...others] = keys
  const documents = new Documents({
    bucket: bucketOf(s3),
    keys: new SharedKeys([first, ...others]),
    clock,
    memory,
    copies: dir === undefined ? undefined : new Copies(dir),
    onTampering: (tampering) => { told.push(tampering) },
    warn: () => undefined,
    isConditional: () => Promise.resolve(isConditional),
  })
  return { documents, told, clock }
}
