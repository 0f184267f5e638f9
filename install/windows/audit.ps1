# The audit: does each port still serve what the cloud has on record as installed? It changes
# nothing. audit.sh describes its lines.

function Get-AuditLines($delivery) {
  $script:phase = 'audit'
  $until = (Get-Date).AddSeconds(600)
  $adoption = Read-Adoption
  $listeners = Find-Listeners
  $known = @(Read-Domains)
  $mail = @(Get-MailEnablePorts $listeners (Get-MailEnableServices) | Where-Object { Get-Served $listeners $_ 'default' 'default' @() })
  $web = @(if ($adoption -and $adoption.site -and $listeners.ContainsKey(443)) { 443 })
  $dead = @(if ($adoption) { $adoption.ports | Where-Object { $_ -notin $mail } })
  $lines = @("fact audit-ports $(@($mail + $web) -join ',')")
  if ($dead.Count -gt 0) { $lines += "fact audit-dead $($dead -join ',')" }
  $last = @{}
  $reached = 0
  foreach ($row in $delivery.rows) {
    if ((Get-Date) -ge $until) { break }
    $reached++
    $record = @($known | Where-Object { $_.place -ceq $row.place -and $_.leaf -ceq $row.leaf })
    $unseen = if ($record.Count -eq 0) { 'all' } else { @(Get-UnseenPorts $row $delivery $listeners $mail $web) -join ',' }
    if ($unseen -eq '') { continue }
    $step = $reached - $(if ($last.ContainsKey($unseen)) { $last[$unseen] } else { 0 })
    $lines += "unseen $unseen $step"
    $last[$unseen] = $reached
  }
  return $lines + "audited $reached"
}

function Get-UnseenPorts($row, $delivery, [hashtable]$listeners, $mail, $web) {
  foreach ($port in @($mail) + @($web)) {
    $name = if ($port -eq 443) { $row.web } else { $row.mail }
    if ($name -ceq '-') { continue }
    $whose = if ($name -ceq 'default') { $delivery.server } else { $name }
    $isSeen = { $seen = Get-Served $listeners $port $name $whose $delivery.roots; $seen -and $seen.isTrusted -and (Get-Sha256 $seen.certificate.RawData) -ceq $row.leaf }
    if (-not (Wait-Until ((Get-Date).AddSeconds(1)) $isSeen)) { $port }
  }
}
