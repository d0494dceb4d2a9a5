const response = await fetch('https://api.example.com/v1/runs/string/cancel', {
  method: 'POST',
  headers: {
    "Authorization": "Bearer YOUR_API_TOKEN"
  }
});

const data = await response.json();
console.log(data);
