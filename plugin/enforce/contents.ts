import { ownString } from '../domain/json.ts'
import type { Contents } from '../domain/history.ts'
import type { InstallManifest } from '../domain/ports.ts'
import { repositoryAddress } from './repository.ts'

/** What policy looks at of a tarball: see the port. The stored manifest keeps `repository` as it stands in the package.json. */
export function contentsOf(manifest: InstallManifest): Contents {
  const repository = ownString(manifest, 'repository')
  return { repository: repository === undefined || repository.trim() === '' ? undefined : repositoryAddress(repository) }
}
