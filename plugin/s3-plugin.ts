/** The storage as Verdaccio loads it: `store: { provenance/s3: … }` is the package's entry `./s3`, its default export constructed. */
import { bucketStorageOptions } from './compose-s3.ts'
import type { VerdaccioConfiguration } from './config/configuration.ts'
import type { VerdaccioLogger } from './plugin.ts'
import { BucketStorage } from './s3/storage.ts'

export default class S3Plugin extends BucketStorage {
  /**
   * `_merged` is Verdaccio's whole configuration with this section spread over it: the section is read from `config`.
   * @throws ConfigurationError, which ends the start
   */
  constructor(_merged: unknown, { config, logger }: { readonly config: VerdaccioConfiguration; readonly logger: VerdaccioLogger }) {
    super(bucketStorageOptions(config, logger))
  }
}
