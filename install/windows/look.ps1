# Handshakes that look at what is served, at the address on which a process listens.

$mailPorts = @(25, 465, 587, 143, 993, 110, 995)

# @returns by port: the address to connect to, and the process that listens
function Find-Listeners {
  $found = @{}
  foreach ($one in @(Get-NetTCPConnection -State Listen | Where-Object { $_.LocalPort -in ($mailPorts + 443) })) {
    $port = [int]$one.LocalPort
    $isAny = $one.LocalAddress -in '0.0.0.0', '::'
    if ($found.ContainsKey($port) -and -not $isAny) { continue }
    $found[$port] = [pscustomobject]@{ address = $(if ($isAny) { '127.0.0.1' } else { $one.LocalAddress }); process = [int]$one.OwningProcess }
  }
  return $found
}

# Reads what a server says before TLS, up to the line that matches LAST.
function Read-Reply([System.IO.Stream]$stream, [string]$last) {
  $line = New-Object System.Text.StringBuilder
  # Bytes that trickle in do not extend the time.
  $until = [DateTime]::UtcNow.AddSeconds(10)
  for ($count = 0; $count -lt 8192 -and [DateTime]::UtcNow -lt $until; $count++) {
    $byte = $stream.ReadByte()
    if ($byte -lt 0) { return $false }
    if ($byte -ne 10) { [void]$line.Append([char]$byte); continue }
    if ($line.ToString() -cmatch $last) { return $true }
    [void]$line.Clear()
  }
  return $false
}

function Send-Line([System.IO.Stream]$stream, [string]$text) {
  $bytes = [System.Text.Encoding]::ASCII.GetBytes("$text`r`n")
  $stream.Write($bytes, 0, $bytes.Length)
}

function Start-Tls([System.IO.Stream]$stream, [int]$port) {
  switch ($port) {
    { $_ -in 25, 587 } {
      if (-not (Read-Reply $stream '^220 ')) { return $false }
      Send-Line $stream 'EHLO localhost'
      if (-not (Read-Reply $stream '^250 ')) { return $false }
      Send-Line $stream 'STARTTLS'
      return Read-Reply $stream '^220 '
    }
    143 {
      if (-not (Read-Reply $stream '^\* OK')) { return $false }
      Send-Line $stream 'a STARTTLS'
      return Read-Reply $stream '^a OK'
    }
    110 {
      if (-not (Read-Reply $stream '^\+OK')) { return $false }
      Send-Line $stream 'STLS'
      return Read-Reply $stream '^\+OK'
    }
    default { return $true }
  }
}

# One handshake. NAME 'default' sends no name: Windows sends none for an address. @returns the
# certificate, and whether it covers WHOSE and its chain ends in a root that this host or ROOTS
# trust; nothing if the port does not answer TLS
function Get-Served([hashtable]$listeners, [int]$port, [string]$name, [string]$whose, $roots) {
  if (-not $listeners.ContainsKey($port)) { return $null }
  $address = $listeners[$port].address
  $client = New-Object System.Net.Sockets.TcpClient
  $secured = $null
  try {
    if (-not $client.ConnectAsync($address, $port).Wait(10000)) { return $null }
    $stream = $client.GetStream()
    $stream.ReadTimeout = 10000
    $stream.WriteTimeout = 10000
    if (-not (Start-Tls $stream $port)) { return $null }
    $any = [System.Net.Security.RemoteCertificateValidationCallback] { $true }
    $secured = New-Object System.Net.Security.SslStream $stream, $false, $any
    $asked = if ($name -ceq 'default') { $address } else { $name }
    $secured.AuthenticateAsClient($asked, $null, [System.Security.Authentication.SslProtocols]::Tls12, $false)
    $leaf = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 $secured.RemoteCertificate
    return [pscustomobject]@{ certificate = $leaf; isTrusted = (Test-Chain $leaf $roots) -and (Test-Covers $leaf $whose) }
  } catch {
    return $null
  } finally {
    if ($secured) { $secured.Dispose() }
    $client.Close()
  }
}

function Test-Chain($leaf, $roots) {
  $chain = New-Object System.Security.Cryptography.X509Certificates.X509Chain
  $chain.ChainPolicy.RevocationMode = 'NoCheck'
  $chain.ChainPolicy.VerificationFlags = 'AllowUnknownCertificateAuthority'
  foreach ($root in $roots) { [void]$chain.ChainPolicy.ExtraStore.Add($root) }
  if (-not $chain.Build($leaf)) { return $false }
  $why = @($chain.ChainStatus | ForEach-Object { "$($_.Status)" })
  if ($why -contains 'PartialChain') { return $false }
  if ($why -notcontains 'UntrustedRoot') { return $true }
  $end = $chain.ChainElements[$chain.ChainElements.Count - 1].Certificate.Thumbprint
  return @($roots | Where-Object { $_.Thumbprint -eq $end }).Count -gt 0
}

# Compares with the subject alternative names, as RFC 6125 says. Windows gives them as text, a name
# a line.
function Test-Covers($leaf, [string]$name) {
  $extension = @($leaf.Extensions | Where-Object { $_.Oid.Value -eq '2.5.29.17' })
  if ($extension.Count -eq 0) { return $false }
  foreach ($line in ($extension[0].Format($true) -split '\r?\n')) {
    # "DNS Name=" is in the language of this Windows. The name follows the last "=".
    $one = ($line -split '=')[-1].Trim().ToLowerInvariant()
    if ($one -ceq $name) { return $true }
    if ($one.StartsWith('*.') -and $name.Contains('.') -and $name.Substring($name.IndexOf('.')) -ceq $one.Substring(1)) { return $true }
  }
  return $false
}

# Looks until BODY is true or the time is over, and at least once.
function Wait-Until([datetime]$moment, [scriptblock]$body) {
  while ($true) {
    if (& $body) { return $true }
    if ((Get-Date) -ge $moment) { return $false }
    Start-Sleep -Milliseconds 500
  }
}
