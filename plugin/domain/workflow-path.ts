import type { SignerIdentity } from './signer-identity.ts'

/**
 * Path of the build configuration that the run started from, without its ref: `.github/workflows/release.yml`. It is read
 * from the certificate's build config (Fulcio extension 18, `https://host/owner/repo/path@ref`); certificates of early 2023
 * have none, and then the SAN stands in. Undefined when the address is not inside the certificate's own repository: a path
 * alone says nothing when somebody else's repository may hold it.
 */
export function workflowPath(identity: SignerIdentity): string | undefined {
  const { sourceRepository, sourceRef } = identity
  if (sourceRepository === undefined || sourceRepository === '') return undefined
  const address = identity.buildConfig ?? identity.subjectAlternativeName
  if (!address.startsWith(`${sourceRepository}/`)) return undefined
  // GitLab puts two slashes between the project and the path.
  const inside = address.slice(sourceRepository.length + 1).replace(/^\//, '')
  return withoutRef(inside, sourceRef)
}

/**
 * Both a file name and a ref may contain `@` (`release.yml@x.yml`, `refs/tags/@acme/ui@1.0.0`), and whoever may name one of
 * them would choose where a naive cut falls. So what is cut off is the certified ref; without it, only an address with a
 * single `@` is read.
 */
function withoutRef(inside: string, ref: string | undefined): string | undefined {
  if (ref !== undefined && ref !== '' && inside.endsWith(`@${ref}`)) return inside.slice(0, -ref.length - 1)
  const [path, , ...rest] = inside.split('@')
  return rest.length === 0 && path !== inside ? path : undefined
}
