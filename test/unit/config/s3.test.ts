import assert from 'node:assert/strict'
import { configuredS3, S3_STORE, type ConfiguredS3 } from '../../../plugin/config/s3.ts'
import type { Problem } from '../../../plugin/domain/errors.ts'

function read(store: unknown, { keys = 1, environment = {} }: { readonly keys?: number; readonly environment?: Readonly<Record<string, string>> } = {}): { readonly s3: ConfiguredS3 | undefined; readonly paths: readonly string[] } {
  const problems: Problem[] = []
  const s3 = configuredS3(store, { environment, keys, problems })
  return { s3, paths: problems.map(({ path }) => path) }
}
const section = (options: object): object => ({ [S3_STORE]: options })

describe('the bucket of packages published here, configured', () => {
  it('is none where Verdaccio keeps them itself, or another plugin does', () => {
    for (const store of [undefined, null, {}, { memory: { limit: 1 } }]) assert.deepEqual(read(store), { s3: undefined, paths: [] })
  })
  it('needs no more than a name at AWS: the region comes from the environment', () => {
    const { s3, paths } = read(section({ bucket: 'acme-packages' }), { environment: { AWS_REGION: 'eu-central-1' } })
    assert.deepEqual(paths, [])
    assert.deepEqual(s3, { bucket: 'acme-packages', prefix: '', endpoint: undefined, region: 'eu-central-1', forcePathStyle: false, profile: undefined, encryption: undefined, timeout: 5000, listAge: 1000 })
  })
  it('elsewhere by path, in any region, unless said otherwise', () => {
    const { s3 } = read(section({ bucket: 'packages', endpoint: 'https://s3.example', prefix: 'npm' }))
    assert.deepEqual([s3?.forcePathStyle, s3?.region, s3?.prefix], [true, 'us-east-1', 'npm/'])
    assert.equal(read(section({ bucket: 'packages', endpoint: 'https://s3.example', forcePathStyle: false })).s3?.forcePathStyle, false)
  })
  for (const [what, options, at] of [
    ['no bucket', {}, '.bucket'],
    ['a name that is none', { bucket: '../x' }, '.bucket'],
    ['an endpoint with a password', { bucket: 'packages', endpoint: 'https://a:b@s3.example' }, '.endpoint'],
    ['an endpoint that is no address', { bucket: 'packages', endpoint: 's3.example' }, '.endpoint'],
    ['an unknown key', { bucket: 'packages', regoin: 'x' }, '.regoin'],
    ['a key of KMS without KMS', { bucket: 'packages', kmsKeyId: 'k', serverSideEncryption: 'AES256' }, '.kmsKeyId'],
  ] as const)
    it(`refuses ${what}`, () => assert.deepEqual(read(section(options)).paths, [`store["provenance/s3"]${at}`]))
  it('refuses one that nobody has a key for: who can write to it could publish', () => {
    assert.deepEqual(read(section({ bucket: 'packages' }), { keys: 0 }).paths, ['middlewares.provenance.shared.keys'])
  })
  it('refuses a name that Verdaccio would not find, and a second storage', () => {
    for (const name of ['provenance-s3', 'verdaccio-provenance/s3', 'provenance']) assert.deepEqual(read({ [name]: { bucket: 'packages' } }).paths, [`store["${name}"]`])
    assert.deepEqual(read({ ...section({ bucket: 'packages' }), memory: {} }).paths, ['store'])
  })
})
