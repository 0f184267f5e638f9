# Certificates and keys in the machine's store. A key is in memory and then in Windows' own key
# store, never in a file of ours. No password and no key is in a command line. A failure says what
# failed, and nothing of what it held.

$friendly = 'sealpost'
$keyFolders = @("$env:ProgramData\Microsoft\Crypto\Keys", "$env:ProgramData\Microsoft\Crypto\RSA\MachineKeys")

function ConvertTo-Certificate([byte[]]$der) {
  return New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 (, $der)
}

function Get-Sha256([byte[]]$bytes) {
  $sha = [System.Security.Cryptography.SHA256]::Create()
  try { return ([BitConverter]::ToString($sha.ComputeHash($bytes)) -replace '-', '').ToLowerInvariant() } finally { $sha.Dispose() }
}

# Runs BODY with the machine's store of that name open for writing. A missing store is made.
function Use-Store([string]$name, [scriptblock]$body) {
  $store = New-Object System.Security.Cryptography.X509Certificates.X509Store $name, 'LocalMachine'
  $store.Open('ReadWrite')
  try { & $body $store } finally { $store.Close() }
}

function Get-Stored([string]$name) {
  if (-not (Test-Path -LiteralPath "Cert:\LocalMachine\$name")) { return @() }
  return @(Get-ChildItem -LiteralPath "Cert:\LocalMachine\$name")
}

function Find-Stored([string]$name, [string]$thumbprint) {
  return @(Get-Stored $name | Where-Object { $_.Thumbprint -eq $thumbprint })
}

# Says why an entry's key and chain cannot be served, or nothing. Chain and names were checked when
# the certificate was stored.
function Get-Unusable($entry) {
  $labels = @($entry.blocks | ForEach-Object { $_.label })
  if ($labels.Count -lt 2 -or $labels[0] -cne 'PRIVATE KEY' -or $labels[1] -cne 'CERTIFICATE') { return 'the private key must come first, then the leaf' }
  if ((Get-Sha256 $entry.blocks[1].bytes) -cne $entry.leaf) { return 'the leaf is not the one that the entry names' }
  $leaf = ConvertTo-Certificate $entry.blocks[1].bytes
  if ($leaf.NotAfter -lt (Get-Date)) { return 'the certificate has expired' }
  return $null
}

# Joins an entry's key to its leaf and puts them into My, and its chain into CA.
# @returns the leaf as it is in the store
function Import-Entry($entry, [long]$seq) {
  $leaf = ConvertTo-Certificate $entry.blocks[1].bytes
  # A certificate that is there may have a damaged key. The new one is not served yet, so it is made
  # again.
  Remove-Ours $leaf.Thumbprint
  $joined = Join-Key $leaf $entry.blocks[0].bytes
  $joined.FriendlyName = "$friendly $($entry.place) $seq"
  Use-Store 'My' { param($store) $store.Add($joined) }
  $chain = @($entry.blocks | Select-Object -Skip 2)
  if ($chain.Count -gt 0) { Use-Store 'CA' { param($store) foreach ($one in $chain) { $store.Add((ConvertTo-Certificate $one.bytes)) } } }
  $stored = @(Find-Stored 'My' $leaf.Thumbprint)
  if ($stored.Count -ne 1 -or -not $stored[0].HasPrivateKey) { throw "the certificate of $($entry.place) has no private key in LocalMachine\My after its import" }
  return $stored[0]
}

# An ephemeral key is in no store. So it goes through a PKCS #12 in memory, which Windows takes into
# its machine key store.
function Join-Key($leaf, [byte[]]$pkcs8) {
  try {
    $key = [System.Security.Cryptography.CngKey]::Import($pkcs8, [System.Security.Cryptography.CngKeyBlobFormat]::Pkcs8PrivateBlob)
    $mayLeave = New-Object System.Security.Cryptography.CngProperty 'Export Policy', ([BitConverter]::GetBytes(3)), 'None'
    $key.SetProperty($mayLeave)
    if ($key.AlgorithmGroup.AlgorithmGroup -eq 'RSA') {
      $joined = [System.Security.Cryptography.X509Certificates.RSACertificateExtensions]::CopyWithPrivateKey($leaf, (New-Object System.Security.Cryptography.RSACng $key))
    } else {
      $joined = [System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions]::CopyWithPrivateKey($leaf, (New-Object System.Security.Cryptography.ECDsaCng $key))
    }
    $password = [Guid]::NewGuid().ToString()
    $pfx = $joined.Export([System.Security.Cryptography.X509Certificates.X509ContentType]::Pfx, $password)
    $flags = [System.Security.Cryptography.X509Certificates.X509KeyStorageFlags]'MachineKeySet, PersistKeySet'
    return New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 $pfx, $password, $flags
  } catch {
    throw "key and leaf cannot be joined ($($_.Exception.GetType().Name))"
  }
}

# The file in which Windows keeps a certificate's key, or nothing if it is in neither of the known
# places.
function Get-KeyFile($certificate) {
  $rsa = [System.Security.Cryptography.X509Certificates.RSACertificateExtensions]::GetRSAPrivateKey($certificate)
  $owner = if ($rsa) { $rsa } else { [System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions]::GetECDsaPrivateKey($certificate) }
  $name = if ($owner -is [System.Security.Cryptography.RSACryptoServiceProvider]) { $owner.CspKeyContainerInfo.UniqueKeyContainerName } else { $owner.Key.UniqueName }
  foreach ($folder in $keyFolders) {
    $path = Join-Path $folder $name
    if (Test-Path -LiteralPath $path) { return $path }
  }
  return $null
}

# Grants read, and no more, to the accounts that MailEnable's services run as. SYSTEM may read
# already.
function Grant-KeyRead($certificate, [string[]]$accounts) {
  $path = Get-KeyFile $certificate
  if (-not $path) { throw "the private key's file is in none of $($keyFolders -join ', '), so nobody can be given the right to read it" }
  $rights = Get-Acl -LiteralPath $path
  foreach ($account in $accounts) {
    $rights.AddAccessRule((New-Object System.Security.AccessControl.FileSystemAccessRule $account, 'Read', 'Allow'))
  }
  Set-Acl -LiteralPath $path -AclObject $rights
}

# Removes a certificate of ours from My, with the file of its key. A certificate that is not ours
# stays.
function Remove-Ours([string]$thumbprint) {
  foreach ($one in @(Find-Stored 'My' $thumbprint | Where-Object { $_.FriendlyName -clike "$friendly *" })) {
    # A certificate whose key is lost is removed, too.
    $path = try { Get-KeyFile $one } catch { $null }
    Use-Store 'My' { param($store) $store.Remove($one) }
    if ($path) { Remove-Item -LiteralPath $path -Force }
  }
}

# Moves a certificate from one store of the machine to another. The key stays where it is: the
# certificate refers to it by name.
function Move-Stored([string]$thumbprint, [string]$from, [string]$to) {
  foreach ($one in @(Find-Stored $from $thumbprint)) {
    Use-Store $to { param($store) $store.Add($one) }
    Use-Store $from { param($store) $store.Remove($one) }
  }
}
