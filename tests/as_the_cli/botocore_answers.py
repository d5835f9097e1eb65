"""Answers, for one set-up a line, which token botocore would get in it.

Reads one JSON object a line on stdin:
    {"home": "/tmp/x", "env": {"HOME": "/tmp/x", ...}, "region": "us-west-2"}
and writes one a line on stdout:
    {"password": "..."}   ecr:GetAuthorizationToken was answered with this password
    {"none": "..."}       no credentials were found
    {"error": "..."}      the set-up was refused, or AWS refused the credentials
    {"hang": true}        there was no answer within the time limit
    {"broken": "..."}     this program itself has failed

Each set-up is answered by a child of its own, which sees the environment of the set-up alone. The
parent has loaded the modules and the descriptions of the services, so a child is cheap. The session
is the one that the AWS CLI makes: the same files, variables, providers and order.
"""

import base64
import json
import logging
import os
import select
import signal
import sys
import time

import botocore.credentials
import botocore.loaders
import botocore.session
import botocore.tokens
import botocore.utils
from botocore.exceptions import NoCredentialsError

TIME_LIMIT_SECONDS = 30.0
SERVICES = ('ecr', 'sts', 'sso', 'sso-oidc', 'signin')
LONGEST_TEXT = 400


def preloaded():
    """The descriptions of the services that a set-up can reach, read once."""
    loader = botocore.loaders.create_loader()
    loader.load_data('endpoints')
    loader.load_data('partitions')
    loader.load_data('sdk-default-configuration')
    for service in SERVICES:
        loader.load_service_model(service, 'service-2')
        try:
            loader.load_service_model(service, 'endpoint-rule-set-1')
        except botocore.exceptions.UnknownServiceError:
            pass
    return loader


def password(loader, set_up):
    """The password that `aws ecr get-login-password --region REGION` would print."""
    session = botocore.session.Session()
    session.register_component('data_loader', loader)
    # What `--region` does: clients that are made on the way, as for `aws login`, have it too.
    session.set_config_variable('region', set_up['region'])
    client = session.create_client('ecr', region_name=set_up['region'])
    answer = client.get_authorization_token()
    data = answer['authorizationData'][0]
    user_and_password = base64.b64decode(data['authorizationToken']).decode()
    return user_and_password.split(':', 1)[1]


def enter(set_up):
    """Leaves nothing of this program's own environment."""
    os.environ.clear()
    os.environ.update(set_up['env'])
    try:
        os.chdir(set_up['home'])
    except PermissionError:
        os.chdir('/')
    time.tzset()
    # Both have expanded `~` when their modules were loaded.
    folder = os.path.expanduser(os.path.join('~', '.aws', 'sso', 'cache'))
    botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR = folder
    botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = folder
    # Three attempts at the container's credentials stay three, without a second between them.
    botocore.utils.ContainerMetadataFetcher.SLEEP_TIME = 0


def answer(loader, set_up):
    try:
        enter(set_up)
        return {'password': password(loader, set_up)}
    except NoCredentialsError as error:
        return {'none': str(error)}
    except BaseException as error:  # Whatever ends the AWS CLI ends here too.
        return {'error': told(error)[:LONGEST_TEXT]}


def told(error):
    """The kind of the error, and of the one that it hides, then the text."""
    kinds = type(error).__name__
    hidden = getattr(error, 'kwargs', {}).get('error')
    if isinstance(hidden, Exception):
        return f'{kinds} by {type(hidden).__name__}: {hidden}'
    return f'{kinds}: {error}'


def answer_in_child(loader, set_up):
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(readable)
            # So that the programs that the child starts can be stopped with it.
            os.setsid()
            silence()
            text = json.dumps(answer(loader, set_up))
            os.write(writable, text.encode())
        finally:
            os._exit(0)
    os.close(writable)
    try:
        text = read_until(readable, time.monotonic() + TIME_LIMIT_SECONDS)
    finally:
        os.close(readable)
        try:
            os.killpg(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        os.waitpid(child, 0)
    if text is None:
        return {'hang': True}
    return json.loads(text) if text else {'broken': 'the child ended without an answer'}


def silence():
    """Neither the answers nor the terminal belong to a process that the child starts."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def read_until(pipe, deadline):
    """All that is written; None if the deadline passes first."""
    text = b''
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return None
        more = os.read(pipe, 65536)
        # A whole answer is enough: a process in the background may keep the pipe open.
        text += more
        if not more or text.endswith(b'}'):
            return text.decode()


def main():
    logging.disable(logging.CRITICAL)
    loader = preloaded()
    for line in sys.stdin:
        print(json.dumps(answer_in_child(loader, json.loads(line))), flush=True)


if __name__ == '__main__':
    main()
