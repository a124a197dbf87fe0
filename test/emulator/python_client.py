"""A second client, in another language: what it does with the queue is printed as JSON."""

import json
import sys
from datetime import datetime, timedelta, timezone

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue

connection, queue = sys.argv[1:3]
seen = {}


def body(message):
    return b"".join(message.body).decode()


with ServiceBusClient.from_connection_string(connection, retry_total=1) as client:
    with client.get_queue_sender(queue) as sender:
        batch = sender.create_message_batch()
        for name in ("complete", "abandon", "dead"):
            batch.add_message(ServiceBusMessage(name, message_id=name, application_properties={"n": 7}))
        sender.send_messages(batch)
        due = datetime.now(timezone.utc) + timedelta(seconds=1)
        sender.schedule_messages(ServiceBusMessage("scheduled"), due)
    with client.get_queue_receiver(queue, max_wait_time=5) as receiver:
        seen["peeked"] = sorted(body(message) for message in receiver.peek_messages(10))
        for message in receiver.receive_messages(3, max_wait_time=5):
            if body(message) == "complete":
                seen["properties"] = {key.decode(): value for key, value in message.application_properties.items()}
                receiver.renew_message_lock(message)
                receiver.complete_message(message)
            elif body(message) == "abandon":
                receiver.abandon_message(message)
            else:
                receiver.dead_letter_message(message, reason="bad", error_description="very bad")
        rest = []
        while len(rest) < 2:
            found = receiver.receive_messages(2, max_wait_time=5)
            if not found:
                break
            for message in found:
                rest.append((body(message), message.delivery_count))
                receiver.complete_message(message)
        seen["rest"] = sorted(rest)
    with client.get_queue_receiver(
        queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
    ) as dead:
        seen["dead"] = [(body(message), message.dead_letter_reason) for message in dead.receive_messages(1, max_wait_time=5)]
print(json.dumps(seen))
