/** Whoever changes a package published here does so alone, also among mirrors that share what is published. */
export interface PackageLocks {
  /**
   * Resolves to what gives the package free again, once nobody else has it; to be called once, more often does nothing.
   * @throws Unavailable when somebody else keeps it for too long, or nobody can say who has it
   */
  acquire(name: string): Promise<() => void>
  close(): Promise<void>
}
