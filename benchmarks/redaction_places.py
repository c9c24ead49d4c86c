"""Secrets in the places where programs keep and print them: settings files, command lines, wire formats, reprs.

Both tables were written down whole before any rule was tried on them; docs/evidence.md has the first figures.
In a text `§` stands for the secret. Forms are facts from the documentation of the programs named.
"""

# ruff: noqa: E501 - tables read better in one line each
from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable
from urllib.parse import quote

LETTERS_DIGITS = string.ascii_letters + string.digits
Value = Callable[[random.Random], str]


def _random(alphabet: str, length: int) -> Value:
    def make(rng: random.Random) -> str:
        while True:
            value = "".join(rng.choice(alphabet) for _ in range(length))
            has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
            if has_both or alphabet == string.digits:
                return value

    return make


def _base64(length: int) -> Value:
    return lambda rng: base64.b64encode(rng.randbytes(length)).decode()


def password(rng: random.Random) -> str:
    """A password of twelve letters and digits."""
    return _random(LETTERS_DIGITS, 12)(rng)


def word_password(rng: random.Random) -> str:
    """A password of a word, digits and a sign, as people make them."""
    return "".join(rng.choice(string.ascii_lowercase) for _ in range(6)).title() + f"{rng.randint(100, 999)}!"


def login(rng: random.Random) -> str:
    """User and password in base64."""
    return base64.b64encode(f"joe:{password(rng)}".encode()).decode()


def escaped_bytes(rng: random.Random) -> str:
    """Bytes of a key as Python shows them."""
    return "".join(f"\\x{rng.randrange(128, 256):02x}" for _ in range(16))


def quoted(rng: random.Random) -> str:
    """A password with signs, quoted for an address."""
    return quote(password(rng) + "/+", safe="")


pin = _random(string.digits, 6)
hexadecimal = _random("0123456789abcdef", 32)
long_hexadecimal = _random("0123456789abcdef", 64)
token = _random(LETTERS_DIGITS, 32)
key = _base64(32)
long_key = _base64(180)

FIRST: dict[str, tuple[str, Value]] = {
    "mysql, quoted": ("mysql -uroot -h db -p'§' app", password),
    "mysql behind docker exec": ("docker exec -i db mysql -uroot -p§ app", password),
    "mysql, list": ("['mysql', '-uroot', '-p§', 'app']", password),
    "-p before mysql": ("with-tunnel -p § mysql -u root app", password),
    "sshpass without a blank": ("sshpass -p§ scp a joe@host:/b", password),
    "plink": ("plink -ssh joe@host -pw § uptime", password),
    "curl -u without a blank": ("curl -ujoe:§ https://x.example/api", password),
    "curl, flags together": ("curl -sSu joe:§ https://x.example/api", password),
    "curl --data": ("curl -X POST -d 'user=joe&pass=§' https://x.example/login", password),
    "curl --cookie": ("curl -b 'sid=§' https://x.example/api", token),
    "curl -H": ("curl -H 'X-Auth-Key: §' https://x.example/api", hexadecimal),
    "curl --oauth2-bearer": ("curl --oauth2-bearer § https://x.example/api", token),
    "curl --cert": ("curl --cert client.pem:§ https://x.example/api", password),
    "wget": ("wget --user joe --http-password=§ https://x.example/a", password),
    "httpie": ("http -a joe:§ GET https://x.example/api", password),
    "httpie header": ("https x.example/api X-API-Key:§", token),
    "redis-cli --pass": ("redis-cli -h cache --pass § PING", password),
    "redis AUTH": ("redis: AUTH § -> WRONGPASS", password),
    "redis.conf": ("bind 0.0.0.0\nrequirepass §\nport 6379", password),
    "psql": ("PGPASSWORD=§ psql -h db -U joe app", word_password),
    "psql conninfo": ("psql \"host=db user=joe password='§' dbname=app\"", word_password),
    "ssh-keygen": ("ssh-keygen -t ed25519 -N '§' -f key", password),
    "openssl enc": ("openssl enc -aes-256-cbc -k § -in a", password),
    "openssl -K": ("openssl enc -aes-256-cbc -K § -iv 00", long_hexadecimal),
    "openssl hmac": ("openssl dgst -sha256 -hmac § file", password),
    "openssl -pass": ("openssl enc -aes-256-cbc -pass pass:§ -in a", word_password),
    "gpg": ("gpg --batch --passphrase § --decrypt f.gpg", password),
    "keytool": ("keytool -genkey -alias x -storepass § -keypass §", password),
    "java property": ("java -Djavax.net.ssl.keyStorePassword=§ -jar x.jar", password),
    "spring": ("spring.datasource.password=§", word_password),
    "htpasswd": ("htpasswd -b users.txt joe §", password),
    "zip": ("zip -P § a.zip a.txt", password),
    "7z": ("7z a -p§ a.7z a.txt", password),
    "kubectl": ("kubectl create secret generic x --from-literal=password=§", password),
    "kubectl token": ("kubectl config set-credentials joe --token=§", token),
    "aws configure": ("aws configure set aws_secret_access_key §", _random(LETTERS_DIGITS + "+/", 40)),
    "git extraheader": ("git -c http.extraheader='AUTHORIZATION: basic §' fetch", login),
    "docker --password-stdin": ("echo § | docker login -u joe --password-stdin", password),
    "sudo -S": ("echo '§' | sudo -S systemctl restart x", password),
    "chpasswd": ("echo 'joe:§' | chpasswd", password),
    "smtp AUTH": ("AUTH PLAIN §\n235 ok", login),
    "ftp": ("USER joe\nPASS §\n230 ok", password),
    "imap": ("a001 LOGIN joe §\na001 OK", password),
    "lftp": ("lftp -u joe,§ ftp.example", password),
    "smbclient": ("smbclient //host/share -U joe%§", password),
    "mount": ("mount -t cifs //h/s /mnt -o username=joe,password=§,vers=3.0", password),
    "helm --set": ("helm install x ./x --set auth.password=§,replicas=2", password),
    "terraform -var": ("terraform apply -var 'db_password=§'", word_password),
    "vault kv": ("vault login §", _random(LETTERS_DIGITS, 24)),
    "consul": ("consul kv get -token=§ a/b", lambda rng: str(uuid.UUID(int=rng.getrandbits(128)))),
    "PowerShell variable": ('$env:API_KEY = "§"', token),
    "PowerShell secure string": ('ConvertTo-SecureString "§" -AsPlainText -Force', password),
    "setx": ("setx API_KEY §", token),
    "csh": ("setenv API_KEY §", token),
    "fish": ("set -gx API_KEY §", token),
    "Dockerfile": ("FROM x\nENV DB_PASSWORD §\nRUN y", word_password),
    ".pgpass": ("db.example:5432:app:joe:§", password),
    ".npmrc _auth": ("_auth=§\nalways-auth=true", login),
    ".npmrc _password": ("//r.example/:_password=§", lambda rng: base64.b64encode(password(rng).encode()).decode()),
    ".netrc in lines": ("machine x.example\n  login joe\n  password §", password),
    "docker config": ('{"auths": {"r.example": {"auth": "§"}}}', login),
    "kubeconfig key": ("users:\n- name: joe\n  user:\n    client-key-data: §", long_key),
    "kubernetes secret": ("kind: Secret\ndata:\n  password: §", lambda rng: base64.b64encode(password(rng).encode()).decode()),
    "tfvars": ('db_password = "§"', word_password),
    "ODBC in braces": ("DRIVER={ODBC 17};SERVER=db;UID=joe;PWD={§};Encrypt=yes", password),
    "JDBC of SQL Server": ("jdbc:sqlserver://db:1433;user=sa;password=§;encrypt=true", word_password),
    "WordPress": ("define('DB_PASSWORD', '§');", password),
    "WordPress salt": ("define( 'AUTH_SALT', '§' );", token),
    "Laravel": ("APP_KEY=base64:§", key),
    "machineKey": ('<machineKey validationKey="§" decryption="AES"/>', long_hexadecimal),
    "WireGuard": ("[Interface]\nPrivateKey = §\nAddress = 10.0.0.1/24", key),
    "wpa_supplicant": ('network={\n  ssid="home"\n  psk="§"\n}', word_password),
    "ansible inventory": ("host1 ansible_user=joe ansible_ssh_pass=§ ansible_port=22", password),
    "FileZilla": ('<Server><User>joe</User><Pass encoding="base64">§</Pass></Server>', lambda rng: base64.b64encode(password(rng).encode()).decode()),
    "plist": ("<key>APIKey</key><string>§</string>", token),
    "Android string": ('<string name="api_key">§</string>', token),
    "form field": ('<input type="password" name="pw" value="§">', password),
    "form field, value first": ('<input value="§" type="hidden" name="csrf_token">', token),
    "meta": ('<meta name="csrf-token" content="§">', token),
    "data attribute": ('<div data-api-key="§" class="x"></div>', token),
    "YAML block": ("db:\n  password: |\n    §\n  port: 1", word_password),
    "YAML folded": ("db:\n  password: >-\n    §\n  port: 1", word_password),
    "YAML tag": ("db:\n  password: !vault §\n  port: 1", password),
    "YAML !Sub": ("Properties:\n  MasterUserPassword: !Sub §", password),
    "YAML anchor": ("db:\n  password: &pw §\n  port: 1", password),
    "YAML comment": ("db:\n  password: §  # of the test user\n  port: 1", word_password),
    "YAML flow": ("db: {user: joe, password: §, port: 1}", word_password),
    "YAML list item": ("- password: §\n- user: joe", word_password),
    "prompt": ("Password: §\nWelcome", word_password),
    "prompt, next line": ("Enter password:\n§\nWelcome", password),
    "prompt of sudo": ("[sudo] password for joe: §", password),
    "prompt of a key": ("Enter passphrase for key '/home/joe/.ssh/id': §", password),
    "user:password@host": ("could not connect to joe:§@db.example.com:5432/app", password),
    "scp": ("scp a.txt joe:§@host.example:/tmp", password),
    "encoded address": ("url=postgres%3A%2F%2Fjoe%3A§%40db.example%2Fapp", password),
    "password quoted in an address": ("amqp://joe:§@mq.example:5672/%2F", quoted),
    "basic without a header": ("sent Basic §", login),
    "basic in an address": ("GET /x?authorization=Basic%20§", login),
    "pin": ("pin=§", pin),
    "pin in JSON": ('{"user": "joe", "pin": "§"}', pin),
    "one-time code": ("your verification code is §", pin),
    "otp": ("otp: §", pin),
    "hmac key": ("signed with hmac key §", token),
    "key in a sentence": ("cannot decrypt with key §", hexadecimal),
    "secret in a sentence": ("the shared secret is §", token),
    "Fernet": ("Fernet(b'§')", key),
    "hmac.new": ("hmac.new(b'§', message, hashlib.sha256)", token),
    "jwt.encode": ("jwt.encode(payload, '§', algorithm='HS256')", token),
    "serializer": ("URLSafeTimedSerializer('§')", token),
    "smtplib": ("smtp.login('joe', '§')", password),
    "mock call": ("Expected: login('joe', '§')\n  Actual: not called.", password),
    "setenv": ("monkeypatch.setenv('DB_PASSWORD', '§')", word_password),
    "getenv": ("os.environ.get('API_KEY', '§')", token),
    "environ": ("environ({'HOME': '/x', 'DB_PASSWORD': '§'})", word_password),
    "pydantic error": ("1 validation error for Settings\npassword\n  String should have at least 20 characters [type=string_too_short, input_value='§', input_type=str]", password),
    "namespace": ("Namespace(user='joe', password='§', verbose=1)", word_password),
    "f-string": ("self.token='§'", token),
    "key of bytes": ("secret_key=b'§'", escaped_bytes),
    "object": ("<Client host=db token=§>", token),
    "diff of pytest": ("E     -  'password': '§',\nE     +  'password': '',", word_password),
    "unified diff": ("--- a/.env\n+++ b/.env\n-DB_PASSWORD=§\n+DB_PASSWORD=", word_password),
    "table": ("| user | joe |\n| password | § |", password),
    "box": ("│ password │ § │", password),
    "dotted": ("Password.......: §", password),
    "arrow": ("password -> §", password),
    "columns": ("password\t§", password),
    "CSV": ("user,password\njoe,§\n", password),
    "PEM in a log": ("\n".join(["INFO svc: -----BEGIN " + "PRIVATE KEY-----", *(f"INFO svc: {'MIIE' * 4}{n}abC" for n in range(3)), "INFO svc: §", "INFO svc: -----END " + "PRIVATE KEY-----"]), _base64(48)),
    "PEM in base64": ("key: §", lambda rng: base64.b64encode(("-----BEGIN " + "PRIVATE KEY-----\n" + base64.b64encode(rng.randbytes(90)).decode()).encode()).decode()),
    "PGP block": ("-----BEGIN PGP " + "PRIVATE KEY BLOCK-----\n\n§\n-----END PGP " + "PRIVATE KEY BLOCK-----", _base64(48)),
    "PuTTY key": ("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nPrivate-Lines: 1\n§\nPrivate-MAC: 00", _base64(48)),
    "JWK": ('{"kty": "EC", "crv": "P-256", "x": "abc", "d": "§"}', lambda rng: base64.urlsafe_b64encode(rng.randbytes(32)).decode().rstrip("=")),
    "JWK, symmetric": ('{"kty": "oct", "k": "§"}', lambda rng: base64.urlsafe_b64encode(rng.randbytes(32)).decode().rstrip("=")),
    "JSON in a log": (json.dumps({"level": "error", "msg": "login", "ctx": {"credentials": {"user": "joe", "password": "§"}}}), word_password),
    "logfmt": ('level=error user=joe password="§" msg="no"', word_password),
    "S3 alias": ("mc alias set minio https://x.example joe §", _random(LETTERS_DIGITS, 40)),
    "rabbitmqctl": ("rabbitmqctl add_user joe §", password),
    "net user": ("net user joe § /add", word_password),
    "ldif": ("dn: cn=joe\nuserPassword:: §", lambda rng: base64.b64encode(password(rng).encode()).decode()),
    "TOTP": ("otpauth://totp/x:joe?secret=§&issuer=x", _random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32)),
    "x-vault-token": ("X-Vault-Token: §", token),
    "apikey header": ("apikey: §", hexadecimal),
    "Fastly-Key": ("Fastly-Key: §", token),
    "hub signature": ("Authorization: §", token),
}  # fmt: skip
"""The first table."""

SECOND: dict[str, tuple[str, Value]] = {
    "az login": ("az login --service-principal -u app -p § --tenant x", password),
    "ansible -e": ("ansible-playbook site.yml -e 'ansible_become_pass=§'", password),
    "gh secret": ("gh secret set DEPLOY_KEY --body §", token),
    "heroku config": ("heroku config:set SECRET_KEY=§ -a app", token),
    "systemd": ("[Service]\nEnvironment=DB_PASSWORD=§", word_password),
    "compose": ("services:\n  db:\n    environment:\n      - POSTGRES_PASSWORD=§", word_password),
    "compose, mapping": ("    environment:\n      POSTGRES_PASSWORD: §", word_password),
    "env file, quoted": ("# settings\nSECRET_KEY_BASE='§'", token),
    "Rails credentials": ("production:\n  secret_key_base: §", long_hexadecimal),
    "Django settings": ("DATABASES = {'default': {'USER': 'joe', 'PASSWORD': '§'}}", word_password),
    "SQLAlchemy": ("Engine(mysql+pymysql://joe:§@db/app?charset=utf8)", word_password),
    "celery": ("broker_url: amqp://guest:§@mq//", password),
    "Sentry client": ("sentry_sdk.init('https://§@o1.ingest.sentry.io/2')", hexadecimal),
    "boto3": ("boto3.client('s3', aws_access_key_id='x', aws_secret_access_key='§')", _random(LETTERS_DIGITS + "+/", 40)),
    "paramiko": ("ssh.connect('h', username='joe', password='§', timeout=3)", word_password),
    "asyncpg": ("asyncpg.connect(user='joe', password='§', host='db')", word_password),
    "AMQP plain": ("pika.PlainCredentials('joe', '§')", password),
    "ldap bind": ("conn.simple_bind_s('cn=joe', '§')", password),
    "ftplib": ("FTP('h').login(user='joe', passwd='§')", password),
    "tuple of credentials": ("credentials = ('joe', '§')", password),
    "named tuple": ("Login(name='joe', pin='§')", pin),
    "defaultdict": ("defaultdict(<class 'dict'>, {'api_key': '§'})", token),
    "ordered pairs": ("OrderedDict([('host', 'db'), ('password', '§')])", word_password),
    "mock called": ("mock.assert_called_with(token='§')", token),
    "mock calls": ("[call('joe', password='§'), call('ann')]", word_password),
    "bytes of a request": ("b'POST /login HTTP/1.1\\r\\nCookie: sid=§\\r\\n\\r\\n'", token),
    "multipart": ('Content-Disposition: form-data; name="password"\n\n§\n--x', password),
    "HAR": ('{"name": "Authorization", "value": "Bearer §"}', token),
    "SOAP": ('<wsse:Password Type="text">§</wsse:Password>', word_password),
    "Maven": ("<server><id>x</id><password>§</password></server>", word_password),
    "Tomcat": ('<user username="joe" password="§" roles="x"/>', word_password),
    "NuGet": ('<add key="ClearTextPassword" value="§" />', word_password),
    "Gradle": ("signing.keyPassword=§", word_password),
    "Jenkins": ("<apiToken>§</apiToken>", hexadecimal),
    "Kafka": ("sasl.jaas.config=x.PlainLoginModule required username=\"joe\" password=\"§\";", word_password),
    "Elasticsearch": ("curl -k -u elastic:§ https://es:9200", password),
    "InfluxDB": ("Authorization: Token §", token),
    "Kubernetes service account": ("token:      §", lambda rng: "eyJhbGciOiJSUzI1NiJ9." + token(rng) + "." + token(rng)),
    "JWT over lines": ("token = (\n    'eyJhbGciOiJIUzI1NiJ9.'\n    'eyJzdWIiOiJqb2UifQ.'\n    '§'\n)", _random(LETTERS_DIGITS, 43)),
    "git credential": ("protocol=https\nhost=x.example\nusername=joe\npassword=§", word_password),
    "svn": ("svn co --username joe --password § https://x", word_password),
    "rsync": ("RSYNC_PASSWORD=§ rsync a joe@h::m", word_password),
    "GRUB": ("set superusers=joe\npassword joe §", password),
    "OpenVPN": ("<auth-user-pass>\njoe\n§\n</auth-user-pass>", password),
    "SNMP": ("snmpwalk -v3 -u joe -A § -X other h", password),
    "cisco": ("username joe secret 0 §", password),
    "radius": ("client x { secret = § }", password),
    "SIP": ("register => joe:§@sip.example/100", password),
    "Windows autologon": ('"DefaultPassword"="§"', word_password),
    "AutoIt": ("RunAs('joe', 'dom', '§', 0, 'cmd')", password),
    "cmdkey": ("cmdkey /add:h /user:joe /pass:§", password),
    "wmic": ("wmic /node:h /user:joe /password:§ process", password),
    "PowerShell parameter": ("Connect-Thing -User joe -Password '§'", word_password),
    "URL of a hook": ("https://x.example/hook?key=§", token),
    "AWS session": ("aws_session_token = §", long_key),
    "GCP key file": ('"private_key_id": "§"', hexadecimal),
    "npm audit": ("npm ERR! _authToken=§", token),
    "pip": ("Looking in indexes: https://joe:§@pypi.example/simple", word_password),
    "traceback, keyword": ("    return connect(dsn, password='§', **kwargs)", word_password),
    "assert in": ("assert 'password=§' in 'nothing'", word_password),
    "warning": ("UserWarning: insecure secret key '§' in use", token),
    "attrs": ("Settings(debug=True, secret_key=SecretStr('§'))", token),
    "argv": ("sys.argv = ['x.py', '--api-key=§', '-v']", token),
    "environment of a process": ("Popen(['x'], env={'TOKEN': '§'})", token),
}  # fmt: skip
"""The second table, written down after the rules for the first one."""
