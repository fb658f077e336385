"""From candidate to proof: what two pictures are to each other, seen in their pixels."""
