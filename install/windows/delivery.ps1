# The delivery: the same text that installer.sh reads. Each value that becomes a name in IIS, in the
# registry or in a file of ours is checked here, letter by letter. A message names the line and
# never what is in the line, because that may be a part of a key.

$namePattern = '^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$'
$hashPattern = '^[0-9a-f]{64}$'

function Test-Name([string]$text) { return $text -cmatch $namePattern }

# @returns server, seq, issuedAt, notAfter, mode, adopt, leaveOut, roots (certificates), entries and
# rows of a file
function Read-Delivery([string]$path) {
  $lines = [System.IO.File]::ReadAllLines($path)
  $value = @{}
  if ($lines[0] -cne 'sealpost-delivery 1') { Stop-Installer 50 'the delivery is malformed: line 1' }
  $leaveOut = @()
  $at = 1
  while ($at -lt $lines.Length -and $lines[$at] -cne 'roots') {
    $field = $lines[$at] -split ' '
    # Which site is the webmail concerns web servers on Linux.
    if ($field[0] -ceq 'webmail' -and $field.Length -eq 3) { $at++; continue }
    if ($field[0] -ceq 'leave-out' -and $field.Length -gt 1 -and -not ($field -cnotmatch '^[a-z][a-z0-9-]{0,31}$')) {
      $leaveOut = @($field | Select-Object -Skip 1)
      $at++
      continue
    }
    $isKnown = $field.Length -eq 2 -and -not $value.ContainsKey($field[0]) -and (
      ($field[0] -cmatch '^(seq|issued-at|not-after|entries)$' -and $field[1] -cmatch '^[0-9]{1,11}$') -or
      ($field[0] -ceq 'server' -and (Test-Name $field[1])) -or
      ($field[0] -ceq 'mode' -and $field[1] -cmatch '^(inspect|install|verify)$') -or
      ($field[0] -ceq 'adopt' -and $field[1] -cmatch '^(yes|no|with-losses)$'))
    if (-not $isKnown) { Stop-Installer 50 "the delivery is malformed: line $($at + 1)" }
    $value[$field[0]] = $field[1]
    $at++
  }
  if ($value.Count -ne 7) { Stop-Installer 50 'the delivery is malformed: its head is not whole' }
  $body = Read-Body $lines ($at + 1)
  if ($body.entries.Count -ne [int]$value['entries']) { Stop-Installer 50 'the delivery is malformed: it has not the entries that it says' }
  return [pscustomobject]@{
    server = $value['server']; seq = [long]$value['seq']; mode = $value['mode']; adopt = $value['adopt'] -cne 'no'
    leaveOut = $leaveOut; issuedAt = [long]$value['issued-at']; notAfter = [long]$value['not-after']
    roots = @($body.roots | ForEach-Object { ConvertTo-Certificate $_.bytes })
    entries = @($body.entries); rows = @($body.rows)
  }
}

# An entry has verb, place, domain, kind, certificate, leaf, mail and web (a name, or '-'), names
# and blocks. A block of PEM has a label and bytes.
function Read-Body([string[]]$lines, [int]$from) {
  $roots = New-Object System.Collections.ArrayList
  $entries = New-Object System.Collections.ArrayList
  $rows = New-Object System.Collections.ArrayList
  $entry = $null
  $block = $null
  $isEnded = $false
  for ($at = $from; $at -lt $lines.Length -and -not $isEnded; $at++) {
    $field = $lines[$at] -split ' '
    $isGood = $true
    if ($block) {
      if ($lines[$at] -ceq "-----END $($block.label)-----") {
        $done = [pscustomobject]@{ label = $block.label; bytes = [Convert]::FromBase64String($block.base64.ToString()) }
        if ($entry) { [void]$entry.blocks.Add($done) } else { [void]$roots.Add($done) }
        $block = $null
      } elseif ($lines[$at] -cmatch '^[A-Za-z0-9+/=]+$') { [void]$block.base64.Append($lines[$at]) }
      else { $isGood = $false }
    } elseif ($lines[$at] -cmatch '^-----BEGIN (CERTIFICATE|PRIVATE KEY)-----$') {
      $block = @{ label = $Matches[1]; base64 = New-Object System.Text.StringBuilder }
      $isGood = if ($entry) { $entry.verb -ceq 'install' } else { $Matches[1] -ceq 'CERTIFICATE' -and $rows.Count -eq 0 }
    } else {
      switch -CaseSensitive ($field[0]) {
        'entry' {
          $entry = Read-Entry $field ($entries.Count + 1)
          $isGood = $null -ne $entry -and @($entries | Where-Object { $_.place -ceq $entry.place }).Count -eq 0
          if ($isGood) { [void]$entries.Add($entry) }
        }
        'names' {
          $isGood = $entry -and @($field | Select-Object -Skip 1 | Where-Object { -not (Test-Name ($_ -creplace '^\*\.', '')) }).Count -eq 0
          if ($isGood) { $entry.names = @($field | Select-Object -Skip 1) }
        }
        'probe' {
          $asked = @($field | Select-Object -Skip 1) + '-'
          $isGood = $entry -and $field.Length -in 2, 3 -and @($asked | Where-Object { $_ -cne '-' -and -not (Test-Name $_) }).Count -eq 0
          if ($isGood) { $entry.mail = $asked[0]; $entry.web = $asked[1] }
        }
        'look' {
          $entry = $null
          $isGood = $field.Length -eq 5 -and (Test-Name ($field[1] -creplace '@(mail|webmail)$', '')) -and $field[2] -cmatch $hashPattern -and
            ($field[3] -cmatch '^(-|default)$' -or (Test-Name $field[3])) -and ($field[4] -ceq '-' -or (Test-Name $field[4]))
          if ($isGood) { [void]$rows.Add([pscustomobject]@{ place = $field[1]; leaf = $field[2]; mail = $field[3]; web = $field[4] }) }
        }
        'end' {
          $isGood = $field.Length -eq 1
          $isEnded = $isGood
        }
        default { $isGood = $false }
      }
    }
    if (-not $isGood) { Stop-Installer 50 "the delivery is malformed: line $($at + 1)" }
  }
  if (-not $isEnded) { Stop-Installer 50 'the delivery is malformed: it has no end' }
  return @{ roots = $roots; entries = $entries; rows = $rows }
}

function Read-Entry([string[]]$field, [int]$number) {
  if ($field.Length -ne 8 -or $field[1] -cne "$number" -or -not (Test-Name $field[3]) -or $field[4] -cnotmatch '^[0-9]+$') { return $null }
  $isInstall = $field[2] -ceq 'install' -and $field[5] -cmatch $hashPattern -and $field[6] -cmatch $hashPattern -and $field[7] -cmatch '^(host|domain|mail|webmail)$'
  $isRemove = $field[2] -ceq 'remove' -and $field[7] -cmatch '^(host|domain)$'
  if (-not $isInstall -and -not $isRemove) { return $null }
  return [pscustomobject]@{
    number = $number; verb = $field[2]; domain = $field[3]; kind = $field[7]; certificate = $field[5]; leaf = $field[6]
    place = $(if ($field[7] -cmatch '^(mail|webmail)$') { "$($field[3])@$($field[7])" } else { $field[3] })
    mail = '-'; web = '-'; names = @(); blocks = New-Object System.Collections.ArrayList
  }
}
