"""Hospital exports at the desk: clashes to answer, and a page per feed with what each of its files did."""

from booking.desk.feeds import answers, feeds, files, outgoing, shown

routers = (answers.router, feeds.router, files.router, shown.router, outgoing.router)
