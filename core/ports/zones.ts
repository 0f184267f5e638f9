/** Route 53, as the product uses it. */
/** Bare values of a name that shall be there, and that shall be there no more. */
export interface TxtValues {
  recordName: string;
  add: string[];
  remove: string[];
}

export interface Zones {
  /**
   * The hosted zone that is the longest suffix of the name, with the name servers that Route 53 gave it. It may be
   * known from minutes ago, and one that was made or deleted since not yet; `anew` asks again.
   * @throws SealpostError Throttled
   */
  findZone(
    name: string,
    options?: { anew?: boolean },
  ): Promise<{ id: string; name: string; nameServers: string[] } | undefined>;
  /**
   * Adds and removes TXT values of several names of a zone in one change, keeping everybody else's: compare-and-swap on whole record sets.
   * A zone that is gone has nothing left to remove.
   * @throws SealpostError Throttled when record sets changed underfoot too often, or Route 53 is busy; DomainNotManaged when the zone to add to is gone
   */
  changeTxt(zoneId: string, values: TxtValues[]): Promise<void>;
}
