/** Changes to the TXT values of one name. Values are bare, without quotes. */
export interface TxtValues {
  recordName: string;
  add: string[];
  remove: string[];
}

/** A public hosted zone, with the name servers that Route 53 gave it. */
export interface HostedZone {
  id: string;
  name: string;
  nameServers: string[];
}

export interface Zones {
  /**
   * The hosted zones that are the longest suffix of the name. There may be several of one name: the
   * public uses the one to whose name servers the parent delegates. The answer may be minutes old,
   * so that a zone that was created or deleted since then is missed; `anew` asks again.
   * @throws SealpostError Throttled
   */
  findZones(name: string, options?: { anew?: boolean }): Promise<HostedZone[]>;
  /**
   * Adds and removes TXT values of several names of a zone in one change: a compare-and-swap on
   * whole record sets, which keeps the values of other parties. If the zone is gone, nothing is
   * left to remove.
   * @throws SealpostError Throttled if Route 53 is busy; DnsNotPropagated if Route 53 refused the
   *   change several times; DomainNotManaged if values are to be added and the zone is gone
   */
  changeTxt(zoneId: string, values: TxtValues[]): Promise<void>;
}
