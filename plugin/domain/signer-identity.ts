/**
 * Who built a package, as certified by Fulcio: every field is decoded from the certificate and none from the predicate.
 * Numbers are the last arc of the extension 1.3.6.1.4.1.57264.1.N (Fulcio, docs/oid-info.md). A field the certificate
 * lacks is undefined: certificates of early 2023 carry only 1 to 6.
 */
export interface SignerIdentity {
  /** 8, else 1: the OIDC issuer */
  readonly issuer: string
  /** Subject alternative name, a URI: the workflow that signed */
  readonly subjectAlternativeName: string
  /** 12, else 5 with GitHub's address before it */
  readonly sourceRepository: string | undefined
  /** 15 */
  readonly sourceRepositoryId: string | undefined
  /** 16 */
  readonly sourceOwner: string | undefined
  /** 17 */
  readonly sourceOwnerId: string | undefined
  /** 14, else 6 */
  readonly sourceRef: string | undefined
  /** 13, else 3: the commit */
  readonly sourceDigest: string | undefined
  /** 18: the build configuration the run started from, `https://…/path@ref` */
  readonly buildConfig: string | undefined
  /** 9: the build instructions that ran and signed; the reusable workflow's when one was called */
  readonly buildSigner: string | undefined
  /** 20, else 2 */
  readonly trigger: string | undefined
  /** 11 */
  readonly runner: string | undefined
  /** 21: address of the run */
  readonly run: string | undefined
  /** 22 */
  readonly visibility: string | undefined
  /** 23 */
  readonly environment: string | undefined
}
